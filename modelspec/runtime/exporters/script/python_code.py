"""Python code as people write it: values as literals, calls that are broken where a line would be
too long.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 88
"""Columns of a line, as Python's formatters have them."""
INDENT = "    "


@dataclass(frozen=True)
class Bracketed:
    """Something in brackets: a call, a list, a mapping. `tail` is what follows the closing
    bracket.
    """

    head: str
    items: tuple[Code, ...]
    close: str
    tail: str = ""

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.items))
        alone = self.head == "(" and self.close == ")" and len(self.items) == 1  # a tuple of one
        return f"{self.head}{inner}{',' if alone else ''}{self.close}{self.tail}"


@dataclass(frozen=True)
class Named:
    """An argument by its name (`=`), or an entry of a mapping (`: `)."""

    name: str
    value: Code
    sign: str = "="

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value}"


Code = str | Bracketed | Named


def call(function: str, *positional: Code, **named: Code) -> Bracketed:
    """`function(positional, name=value)`."""
    return Bracketed(
        f"{function}(", (*positional, *(Named(name, value) for name, value in named.items())), ")"
    )


def listed(items: Iterable[Code]) -> Bracketed:
    return Bracketed("[", tuple(items), "]")


def mapping(entries: Mapping[str, Code]) -> Bracketed:
    """A `dict` whose keys are texts."""
    return Bracketed(
        "{", tuple(Named(text(key), value, ": ") for key, value in entries.items()), "}"
    )


def text(value: str) -> str:
    """A text as a literal, in double quotes. Nothing in it can end it."""
    shown = repr(value)
    if shown[0] == '"':
        return shown
    return '"' + shown[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def literal(value: object) -> Code:
    """A plain value. Raises `TypeError` for anything else."""
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else call("float", text(str(value)))
    if isinstance(value, str):
        return text(value)
    if isinstance(value, tuple):
        return Bracketed("(", tuple(map(literal, value)), ")")
    if isinstance(value, list):
        return listed(map(literal, value))
    if isinstance(value, Mapping):
        entries = tuple(Named(str(literal(key)), literal(one), ": ") for key, one in value.items())
        return Bracketed("{", entries, "}")
    raise TypeError(f"a script cannot say a value of type {type(value).__name__}")


def statement(start: str, code: Code, indent: str = INDENT) -> list[str]:
    """The lines of `start` and `code`, e.g. of `x = ` and a call."""
    return _lines(indent + start, code, "", indent)


def _lines(start: str, code: Code, end: str, indent: str) -> list[str]:
    flat = f"{start}{code}{end}"
    if len(flat) <= WIDTH or isinstance(code, str):
        return [flat]
    if isinstance(code, Named):
        return _lines(f"{start}{code.name}{code.sign}", code.value, end, indent)
    return _broken(start, code, end, indent) if code.items else [flat]


def _broken(start: str, code: Bracketed, end: str, indent: str) -> list[str]:
    """What is in brackets on lines of its own: on one where it fits, else an item a line."""
    inner = indent + INDENT
    if code.tail.startswith("(") and code.tail.endswith(")"):
        first = f"{start}{code}".removesuffix(code.tail[1:])
        if len(first) <= WIDTH:  # the layer on one line, what it is called with on the next
            return [first, f"{inner}{code.tail[1:-1]}", f"{indent}){end}"]
    body = ", ".join(map(str, code.items))
    one_line = f"{inner}{body}"
    close = f"{indent}{code.close}{code.tail}{end}"
    if len(one_line) <= WIDTH and code.head != "(" and code.head[-1] == "(":
        return [start + code.head, one_line, close]
    found = [start + code.head]
    for item in code.items:
        found += _lines(inner, item, ",", inner)
    return [*found, close]


def docstring(words: str, indent: str = "") -> str:
    """A line of prose. Whatever a spec says ends neither the text nor the line."""
    plain = " ".join(words.split()).replace("\\", "\\\\").replace('"', "'")
    return f'{indent}"""{"".join(one for one in plain if one.isprintable())}"""'


class Names:
    """Identifiers of a scope, each once: none is a word of Python, a builtin, or a name that every
    script has.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *taken}

    def new(self, wanted: str) -> str:
        """An identifier like `wanted`."""
        name = re.sub(r"[^0-9a-z]+", "_", _snake(wanted)).strip("_") or "x"
        name = f"x{name}" if name[0].isdigit() else name
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._taken.add(found)
        return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def filled(words: Sequence[str], width: int = WIDTH) -> list[str]:
    """Words in lines that are no longer than `width`."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines

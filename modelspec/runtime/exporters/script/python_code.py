"""Formatted Python code: values as literals, and calls that are split if a line would be too
long.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 88
"""The columns of a line, as in Python's formatters."""
INDENT = "    "


@dataclass(frozen=True)
class Bracketed:
    """Code in brackets: a call, a list, a mapping. `tail` follows the closing bracket."""

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
    """An argument with its name (`=`), or an entry of a mapping (`: `)."""

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
    """A `dict` with string keys."""
    return Bracketed(
        "{", tuple(Named(text(key), value, ": ") for key, value in entries.items()), "}"
    )


def text(value: str) -> str:
    """A string as a literal, in double quotes. Its contents cannot end it."""
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
    raise TypeError(f"a script does not support values of type {type(value).__name__}")


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
    """The contents of brackets on separate lines: on one if it fits, otherwise one item per
    line.
    """
    inner = indent + INDENT
    if code.tail.startswith("(") and code.tail.endswith(")"):
        first = f"{start}{code}".removesuffix(code.tail[1:])
        if len(first) <= WIDTH:  # the layer on one line, its arguments on the next
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
    """A docstring in one line. Text from a spec can end neither the string nor the line."""
    plain = " ".join(words.split()).replace("\\", "\\\\").replace('"', "'")
    return f'{indent}"""{"".join(one for one in plain if one.isprintable())}"""'


class Names:
    """Unique identifiers of a scope: none is a Python keyword, a builtin, or a name that every
    script has.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *taken}

    def new(self, wanted: str) -> str:
        """An identifier similar to `wanted`."""
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
    """Words in lines of at most `width` characters."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines

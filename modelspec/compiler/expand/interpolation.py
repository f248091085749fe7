"""Expressions inside strings, and the place in the file of each of their characters.

    $name  $stage.filters  $sizes[0]      a name, and parts of its value
    $( ... )                              an expression
    $$                                    a dollar sign

Any other `$` is a dollar sign too: `US$ 5`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Fault, nearest
from modelspec.core.source import Node, Scalar

from .expression_syntax import Misread

_NAME = re.compile(r"[^\W\d]\w*")
_PARTS = re.compile(r"""(?:\.[^\W\d]\w*|\[(?:-?[0-9]{1,9}|'[^'\\]*'|"[^"\\]*")\])*""")


class Part(NamedTuple):
    """A piece of a string: literal, or an expression between `start` and `end` of its
    characters.
    """

    text: str
    """The characters of the literal, or of the expression."""
    start: int
    end: int
    expression: bool = False
    bare: int = 0
    """Of `$name.part`: the number of characters of `$name`; 0 for `$(...)`."""


def is_expression(node: Node) -> bool:
    """Whether a node is a string that contains an expression, or another `$`."""
    return isinstance(node, Scalar) and isinstance(node.value, str) and "$" in node.value


@lru_cache(maxsize=2048)
def split(text: str) -> tuple[Part, ...]:
    """The pieces of a string. Raises `Misread` (MS120) for a malformed expression in it."""
    parts: list[Part] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        if dollar > at:
            parts.append(Part(text[at:dollar], at, dollar))
        part = _part(text, dollar)
        parts.append(part)
        at = part.end
    if at < len(text):
        parts.append(Part(text[at:], at, len(text)))
    return tuple(parts)


def _part(text: str, dollar: int) -> Part:
    """The expression that a `$` begins."""
    following = text[dollar + 1 : dollar + 2]
    if following == "$":
        return Part("$", dollar, dollar + 2)
    if following == "(":
        end = _close(text, dollar + 1)
        return Part(text[dollar + 2 : end], dollar + 2, end + 1, True)
    if following == "{":
        raise _braces(text, dollar)
    name = _NAME.match(text, dollar + 1)
    if name is None:
        return Part("$", dollar, dollar + 1)
    parts = _PARTS.match(text, name.end())
    end = parts.end() if parts else name.end()
    return Part(text[dollar + 1 : end], dollar + 1, end, True, len(name[0]))


def _close(text: str, opening: int) -> int:
    """The end of the parenthesis that begins at `opening`; nested brackets and quotes are
    skipped.
    """
    depth, at = 0, opening
    while at < len(text):
        character = text[at]
        if character in "'\"":
            at = _end_of_text(text, at)
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise Misread(
        Fault("MS120", "`$(` is never closed", help="add the missing `)`"), opening - 1, len(text)
    )


def _end_of_text(text: str, opening: int) -> int:
    """The end of a string in quotes; the end of the text if it is never closed."""
    at = opening + 1
    while at < len(text) and text[at] != text[opening]:
        at += 2 if text[at] == "\\" else 1
    return at


def _braces(text: str, dollar: int) -> Misread:
    end = text.find("}", dollar)
    inside = text[dollar + 2 : end].strip() if end >= 0 else "..."
    meant = f"${inside}" if _NAME.fullmatch(inside) else f"$({inside})"
    return Misread(
        Fault(
            "MS120",
            "`${...}` is not a valid expression",
            help=f"write `{meant[:60]}`",
            suggestion=meant,
        ),
        dollar,
        end + 1 if end >= 0 else len(text),
    )


# Expressions that the syntax of the file split ----------------------------------------------------

_QUOTED: Final = 'put the whole value in quotes: `"$(...)"`'


def cut_off(scalar: Scalar, fault: Fault) -> Fault:
    """A better help for an expression that is never closed because YAML ended the string before."""
    if "never closed" not in fault.message or (
        not scalar.plain and scalar.span.text[:1] in ("'", '"')
    ):
        return fault
    source = scalar.span.source
    rest = source.text[scalar.span.end : source.line_end(scalar.span.end)]
    if re.match(r"\s+#", rest):
        return Fault(fault.code, "`$(` is never closed: ` #` begins a comment", help=_QUOTED)
    if re.match(r"\s*[,\]}\[{]", rest):
        sign = rest.strip()[0]
        return Fault(
            fault.code,
            f"`$(` is never closed: inside brackets, `{sign}` ends the value",
            help=_QUOTED,
        )
    return fault


def suggest(name: str, known: Sequence[str]) -> tuple[str | None, str | None]:
    """The nearest known name, and a help that suggests it or lists the known names."""
    near = nearest(name, known)
    if near and (len(name) > 1 or near.lower() == name.lower()):
        return near, f"did you mean `{near}`?"
    shown = ", ".join(f"`{one}`" for one in known[:10])
    return None, (
        f"the names defined here are {shown}"
        if known
        else "no names are defined here; define them in `vars`"
    )

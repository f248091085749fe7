"""The messages for invalid YAML, and for valid YAML that hides a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from ..diagnostics import Fault, Span
from . import budgets
from .node import Node, Scalar, Sequence
from .reader import quoted, shortened
from .scalars import hint

_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000]")
DASH = re.compile(r"^[ ]*-(?![-.\s])(?!(?i:inf)\b)(?=[^\W\d])", re.MULTILINE)
_NO_SPACE = re.compile(r"[ ]*(?:- +)*([A-Za-z_][\w.-]*):(?=[^\s:/\\])")


def empty_file() -> Fault:
    return Fault(
        "MS111", "the file is empty", help="start with `model:`; `modelspec init` writes an example"
    )


def not_a_mapping(root: Node) -> Fault:
    found = "a list" if isinstance(root, Sequence) else "a single value"
    fix = "the top level is a mapping with `model:` in it"
    if isinstance(root, Scalar) and isinstance(root.value, str):
        found = "a string"
        fix = hint(root.value) or fix
    return Fault("MS111", f"the file holds {found} where a mapping is expected", help=fix)


def second_document() -> Fault:
    return Fault(
        "MS110",
        "a second document starts here",
        help="keep one document in a file; remove this one",
    )


def version() -> Fault:
    fix = "remove the line; a spec is always read as YAML 1.2"
    return Fault("MS103", "the file requests another version of YAML than 1.2", help=fix)


def tag(text: str) -> Fault:
    return Fault(
        "MS105",
        f"the tag {quoted(text)} is not allowed",
        notes=("a spec contains only values; nothing in it names a type or runs code",),
        help="remove the tag; put a value in quotes to make it a string",
    )


def bad_key(span: Span) -> Fault:
    first = span.text[:1]
    found = "a list" if first in "[-" else "a mapping" if first in "{?" else "not a string"
    fix = f'write it in quotes: `"{shortened(span.text, 20)}"`'
    return Fault("MS107", f"a key must be a string, this one is {found}", help=fix)


def not_text(text: str) -> Fault:
    if not text:
        fix = "write the key, or quote the string that contains `:`"
        return Fault("MS107", "a key is missing before the colon", help=fix)
    kind = (
        "null"
        if text in ("~", "null", "Null", "NULL")
        else "a boolean"
        if text[0] in "tTfF"
        else "a number"
    )
    return Fault(
        "MS107",
        f"a key must be a string, {quoted(text)} is {kind}",
        help=f'write it in quotes: `"{shortened(text)}"`',
        suggestion=f'"{text}"',
    )


def surrogate() -> Fault:
    fix = "write the character itself, or `\\U` and its eight digits"
    return Fault("MS102", "half of a surrogate pair is not a character", help=fix)


def second_merge() -> Fault:
    return Fault(
        "MS104", "key `<<` is written twice", help="write one `<<` with a list: `<<: [*a, *b]`"
    )


def bad_merge() -> Fault:
    fix = "write `<<: *name` with the anchor of a mapping"
    return Fault("MS106", "`<<` takes a mapping or a list of mappings", help=fix)


def second_anchor(name: str) -> Fault:
    return Fault(
        "MS106",
        f"anchor `&{shortened(name)}` is written twice",
        help="give each anchor a unique name",
    )


def recursive(name: str) -> Fault:
    return Fault(
        "MS106",
        f"alias `*{shortened(name)}` is used inside its own anchor",
        help="write the values out",
    )


def undefined(name: str, known: str | None) -> Fault:
    found = f"alias `*{shortened(name)}` has no anchor `&{shortened(name)}` before it"
    if known:
        return Fault("MS106", found, help=f"did you mean `*{known}`?", suggestion=f"*{known}")
    fix = f'define the anchor before its use; quote it if it is a string: `"*{shortened(name)}"`'
    return Fault("MS106", found, help=fix)


def missing_colon(key: str) -> Fault:
    return Fault(
        "MS103",
        f"{quoted(key)} has no `:` after it",
        help=f"write `{shortened(key)}: value`, or remove the line",
    )


def missing_space(text: str) -> Fault | None:
    found = _NO_SPACE.match(text)
    if not found:
        return None
    fix = f"{found[1]}: {text[found.end() :]}"
    return Fault(
        "MS103",
        "a space is missing after the colon",
        help=f"write {quoted(fix)}",
        suggestion=": ",
    )


def colon_of(text: str) -> int:
    """The position of the colon that lacks a space."""
    found = _NO_SPACE.match(text)
    return found.end() - 1 if found else 0


def missing_dash_space(word: str) -> Fault:
    fix = f"write {quoted('- ' + word.splitlines()[0])}"
    return Fault("MS103", "a space is missing after `-`", help=fix, suggestion="- ")


def odd_spaces(text: str) -> bool:
    """Whether a text has characters that look like an ordinary space and are not."""
    return not text.isascii() and _ODD_SPACE.search(text) is not None


def in_plain(
    text: str, value: str, start: int, end: int, flow: bool
) -> Iterator[tuple[Fault, int, int]]:
    """The mistakes that a plain scalar at `start` to `end` hides: YAML reads them as part of a
    string.
    """
    for odd in islice(_ODD_SPACE.finditer(text, start, end), budgets.SHOWN_CHARACTERS):
        yield _odd_space(odd[0]), *odd.span()
    if flow and value.startswith("$(") and expression_end(value, 0) is None:
        whole = expression_end(text, start)
        yield _cut_expression(text[start:whole] if whole else "$(...)"), start, whole or end
    for place in _dashes(text, start, end):
        yield missing_dash_space(text[place + 1 : min(end, place + 60)]), place, place + 1


def _dashes(text: str, start: int, end: int) -> Iterator[int]:
    """Where lines of a plain scalar start with a dash that lacks its space."""
    indent = text[max(0, start - 200) : start].rstrip(" ")
    if (not indent or indent[-1] in "\r\n") and DASH.match(text[start : start + 10]):
        yield start
    for dash in islice(DASH.finditer(text, start + 1, end), budgets.SHOWN_CHARACTERS):
        yield dash.end() - 1


def expression_end(text: str, start: int) -> int | None:
    """Where the `$(` at `start` is closed, on its line; parentheses in quotes do not count."""
    depth, quote = 0, ""
    for at in range(start, min(len(text), start + 1000)):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        elif character in "\r\n":
            return None
    return None


def _odd_space(character: str) -> Fault:
    return Fault(
        "MS102",
        f"U+{ord(character):04X} looks like a space, but YAML reads it as part of the string",
        help="write an ordinary space, or quote the string",
        suggestion=" ",
    )


def _cut_expression(whole: str) -> Fault:
    quote = "'" if '"' in whole else '"'
    return Fault(
        "MS103",
        "inside brackets a comma ends the value, which splits this expression",
        help=f"put quotes around the whole expression: `{quote}{shortened(whole)}{quote}`",
    )

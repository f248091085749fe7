"""The messages for invalid JSON, each with the edit that fixes it."""

from __future__ import annotations

import re

from ..diagnostics import Fault
from .node import Node, Sequence
from .reader import quoted

_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_WORDS = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "None": "null",
    "Null": "null",
    "NULL": "null",
    "undefined": "null",
}
_NUMBERS = re.compile(r"[-+.]?[0-9]")


def empty_file() -> Fault:
    return Fault(
        "MS111",
        "the file is empty",
        help='start with `{"model": ...}`; `modelspec init` writes an example',
    )


def not_a_mapping(root: Node) -> Fault:
    found = "a list" if isinstance(root, Sequence) else "a single value"
    return Fault(
        "MS111",
        f"the file holds {found} where a mapping is expected",
        help='the top level is an object with `"model"` in it',
    )


def after_end(text: str, at: int) -> Fault:
    if text[at] == "{":
        return Fault(
            "MS110",
            "a second document starts here",
            help="keep one document in a file; remove this one",
        )
    if text[at] in "/#":
        return _comment()
    return Fault(
        "MS103", f"{quoted(text[at])} appears after the end of the document", help="remove it"
    )


def not_finite(text: str) -> Fault:
    return Fault(
        "MS109", f"{quoted(text)} is not a number in JSON", help="write a finite number, or `null`"
    )


def trailing_comma() -> Fault:
    return Fault(
        "MS103", "JSON allows no comma after the last entry", help="remove the comma", suggestion=""
    )


def no_comma(text: str, at: int, bracket: str) -> Fault:
    if text[at] in "/#":
        return _comment()
    if text[at] in "]}":
        return Fault(
            "MS103",
            f"found `{text[at]}` where `,` or `{bracket}` is expected",
            help=f"write `{bracket}`",
        )
    return Fault(
        "MS103",
        f"found {quoted(text[at])} where `,` or `{bracket}` is expected",
        help="put a comma between entries",
    )


def no_colon(text: str, at: int, key: str) -> Fault:
    found = quoted(text[at]) if at < len(text) else "the end of the file"
    return Fault(
        "MS103",
        f"found {found} where `:` is expected after key {quoted(key)}",
        help="write `:` and a value",
    )


def never_closed(opened: str, closing: str) -> Fault:
    return Fault("MS103", f"`{opened}` is never closed", help=f"close it with `{closing}`")


def raw_character(character: str) -> Fault:
    if character in "\r\n":
        return Fault(
            "MS103",
            "a string in JSON ends on its own line",
            help='close it with `"`, or write `\\n`',
        )
    return Fault(
        "MS103",
        "a tab inside a JSON string must be an escape",
        help="write `\\t`",
        suggestion="\\t",
    )


def bad_escape(letter: str) -> Fault:
    if letter == "u":
        return Fault("MS103", "`\\u` needs four hexadecimal digits", help="write it like `\\u00e9`")
    return Fault(
        "MS103",
        f"`\\{letter}` is not an escape in JSON",
        help=f"write `\\\\{letter}` for a backslash; paths may use `/`",
    )


def lone_surrogate() -> Fault:
    return Fault(
        "MS102",
        "half of a surrogate pair is not a character",
        help="write the character itself, or both halves",
    )


def no_value(text: str, at: int) -> tuple[Fault, int]:
    """The fault of the text at `at` where a value is expected, and its length."""
    if at == len(text):
        return Fault("MS103", "the file ends where a value is expected", help="write the value"), 0
    first = text[at]
    if first in "/#":
        return _comment(), 1
    if first == "'":
        return (
            Fault("MS103", "JSON strings need double quotes", help="write `\"` instead of `'`"),
            1,
        )
    if first in ",]}:":
        return (
            Fault(
                "MS103",
                f"found `{first}` where a value is expected",
                help="write the value, or `null`",
            ),
            1,
        )
    match = _WORD.match(text, at)
    word = match[0] if match else first
    return _bare(word), len(word)


def _bare(word: str) -> Fault:
    if word in _WORDS:
        right = _WORDS[word]
        return Fault(
            "MS103", f"{quoted(word)} is not JSON", help=f"write `{right}`", suggestion=right
        )
    if _NUMBERS.match(word):
        return Fault(
            "MS103",
            f"{quoted(word)} is not a JSON number",
            help=(
                "write decimal digits without leading zeros, `+` or `_`, or quote it if it is a"
                " string"
            ),
        )
    return Fault(
        "MS103", f"{quoted(word)} is not JSON", help=f'write a string in quotes: `"{word[:40]}"`'
    )


def no_key(text: str, at: int) -> tuple[Fault, int]:
    """The fault of the text at `at` where a key is expected, and its length."""
    first = text[at]
    if first in "/#":
        return _comment(), 1
    if first == "'":
        return (
            Fault("MS103", "JSON keys need double quotes", help="write `\"` instead of `'`"),
            1,
        )
    match = _WORD.match(text, at)
    if match:
        word = match[0]
        return Fault(
            "MS107", f"key {quoted(word)} is not in quotes", help=f'write `"{word[:40]}"`'
        ), len(word)
    fix = 'write a key in quotes: `"key": value`'
    return Fault("MS103", f"found {quoted(first)} where a key is expected", help=fix), 1


def _comment() -> Fault:
    return Fault("MS103", "JSON has no comments", help="remove it, or write the spec as YAML")

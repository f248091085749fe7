"""Escapes and lists of characters of RE2, such as `\\x41` and `[a-z]`, checked as far as possible
without RE2.
"""

import re
from typing import Final, NamedTuple


class BadPattern(ValueError):
    """A pattern that RE2 does not support; the message is the end of a sentence."""


class Sign(NamedTuple):
    """A character, or several, in a pattern."""

    end: int
    """Where the pattern continues."""
    code: int | None
    """The character; None for several characters, such as `\\d`, or a position, such as `\\b`."""


_CLASSES: Final = frozenset("dDwWsSpP")
"""Letters that mean several characters."""
_POSITIONS: Final = frozenset("bBAzC")
"""Letters that have a meaning outside of brackets alone."""
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_HEX: Final = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})")
_OCTAL: Final = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_PROPERTY: Final = re.compile(r"\\[pP](?:\{(\^?)([^}]*)\}|(.))", re.DOTALL)
_KINDS: Final = frozenset(["L", "M", "N", "P", "S", "Z", "C", "Any"])
_KINDS_OF_TWO: Final = frozenset(
    [
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Mc",
        "Me",
        "Nd",
        "Nl",
        "No",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Cs",
        "Co",
    ]
)
_SCRIPT: Final = re.compile(r"[A-Z][A-Za-z_]{2,}")
_NAMES: Final = frozenset(
    [
        "alnum",
        "alpha",
        "ascii",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "word",
        "xdigit",
    ]
)
_LARGEST: Final = 0x10FFFF


def escape(text: str, at: int, *, listed: bool = False) -> Sign:
    """The escape at the backslash `at`; `listed`: in brackets. Raises `BadPattern`."""
    letter = text[at + 1 : at + 2]
    if not letter:
        raise BadPattern("ends with a single backslash")
    if letter in "pP":
        return _property(text, at)
    if letter in _CLASSES or (letter in _POSITIONS and not listed):
        return Sign(at + 2, None)
    if letter in _CONTROLS:
        return Sign(at + 2, _CONTROLS[letter])
    if letter == "x":
        return _hexadecimal(text, at)
    if letter in "0123456789":
        octal = _OCTAL.match(text, at)
        if octal is None:
            raise BadPattern(f"has the backreference `\\{letter}`, which is unsupported")
        return Sign(octal.end(), int(octal[1], 8))
    if not letter.isascii() or letter.isalpha():
        where = " in brackets" if listed else ""
        raise BadPattern(f"has `\\{letter}`, which is not an escape of RE2{where}")
    return Sign(at + 2, ord(letter))


def _hexadecimal(text: str, at: int) -> Sign:
    found = _HEX.match(text, at)
    code = int(found[1] or found[2], 16) if found is not None else _LARGEST + 1
    if found is None or code > _LARGEST:
        raise BadPattern(
            "has `\\x` without the number of a character, as in `\\x41` or `\\x{1F600}`"
        )
    return Sign(found.end(), code)


def _property(text: str, at: int) -> Sign:
    """`\\pL`, `\\p{Lu}` or `\\p{Greek}`: which scripts exist, RE2 alone decides."""
    if text[at + 2 : at + 3] == "{" and "}" not in text[at:]:
        raise BadPattern(f"has `{text[at : at + 3]}` without `}}`")
    found = _PROPERTY.match(text, at)
    if found is None:
        raise BadPattern(f"has `{text[at : at + 3]}` without the name of a kind of characters")
    name = found[2] if found[3] is None else found[3]
    if name not in _KINDS and name not in _KINDS_OF_TWO and not _SCRIPT.fullmatch(name):
        raise BadPattern(f"has `{found[0]}`, which is not a kind of characters")
    return Sign(found.end(), None)


def characters(text: str, at: int) -> int:
    """Where the list of characters ends that `[` at `at` begins. Raises `BadPattern`."""
    place = at + 1
    place += text[place : place + 1] == "^"
    first = place
    while place < len(text) and (text[place] != "]" or place == first):
        name = _named(text, place)
        if name is not None:
            place = name
            continue
        low = _character(text, place)
        place = low.end
        if low.code is None or text[place : place + 1] != "-" or text[place + 1 : place + 2] == "]":
            continue
        place = _range_end(text, low.code, place)
    if place >= len(text):
        raise BadPattern("has a `[` without `]`")
    return place + 1


def _character(text: str, at: int) -> Sign:
    if text[at] == "\\":
        return escape(text, at, listed=True)
    return Sign(at + 1, ord(text[at]))


def _named(text: str, at: int) -> int | None:
    """Where a name such as `[:alpha:]` ends; None for something else."""
    end = text.find(":]", at + 2) if text.startswith("[:", at) else -1
    if end < 0:
        return None
    if text[at + 2 : end].removeprefix("^") not in _NAMES:
        raise BadPattern(f"has `{text[at : end + 2]}`, which is not a kind of characters")
    return end + 2


def _range_end(text: str, low: int, at: int) -> int:
    """Where a range ends whose `-` is at `at`."""
    if at + 1 >= len(text):
        raise BadPattern("has a `[` without `]`")
    high = _character(text, at + 1)
    shown = f"{chr(low)}{text[at : high.end]}"
    if high.code is None:
        raise BadPattern(f"has the range `{shown}`, which has no last character")
    if high.code < low:
        raise BadPattern(f"has the range `{shown}`, whose last character precedes the first")
    return high.end

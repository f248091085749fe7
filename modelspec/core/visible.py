"""Makes text safe for a terminal: nothing in a file moves the cursor, and carets stay aligned with
their text.
"""

from __future__ import annotations

import unicodedata
from typing import Final

TAB: Final = 4
_CONTROLS: Final = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_COMBINING: Final = ("Mn", "Me")


def visible(text: str) -> str:
    """The text with a picture for each control character, and `\N{REPLACEMENT CHARACTER}` for what
    has none.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(_width(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return " " * TAB
    code = ord(character)
    if code in _CONTROLS:
        return chr(_CONTROLS[code])
    return "\ufffd" if unicodedata.category(character) in _UNSEEN else character


def _width(character: str) -> int:
    if unicodedata.category(character) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1

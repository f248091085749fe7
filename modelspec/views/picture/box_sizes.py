"""Sizes in pixels for all kinds of pictures."""

from __future__ import annotations

from .elements import Box

BOX_HEIGHT = 44.0
GAP = 24.0
"""Between boxes side by side, and around the picture."""
LABEL_GAP = 46.0
"""Between layers: space for an arrow and the shape next to it."""
STUB = 18.0
"""The length of the straight start of an arrow: the shape is written next to it."""
FRAME_PADDING = 16.0
FRAME_TITLE = 30.0
TITLE_SIZE = 13.0
TEXT_SIZE = 11.0

_NARROW = frozenset("iljtfr.,:;'|!()[] ")
_WIDE = frozenset("mwMW%@\u00d7")


def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """The approximate width of a text in a sans-serif font."""
    return sum(map(_letter_width, text)) * size


def _letter_width(letter: str) -> float:
    """In units of the size of the font."""
    if letter in _NARROW:
        return 0.33
    if letter in _WIDE:
        return 0.87
    return 0.68 if letter.isupper() else 0.56


def box_width(box: Box) -> float:
    """Wide enough for both of its lines."""
    return max(text_width(box.title, TITLE_SIZE) * 1.05, text_width(box.subtitle)) + 24

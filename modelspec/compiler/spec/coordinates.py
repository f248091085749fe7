"""The formats of points and boxes, named as in Keras (`bounding_box_format`)."""

from __future__ import annotations

from typing import Final

from modelspec.core.records import NamedTuple

_LETTERS: Final = {
    "xyxy": ("x", "y", "x2", "y2"),
    "yxyx": ("y", "x", "y2", "x2"),
    "xywh": ("x", "y", "w", "h"),
    "center_xywh": ("x", "y", "w", "h"),
    "center_yxhw": ("y", "x", "h", "w"),
    "xy": ("x", "y"),
}


class CoordinateFormat(NamedTuple):
    """The meaning of the numbers of a point or box."""

    letters: tuple[str, ...]
    """`x` and `y` are the place, `x2` and `y2` the opposite corner, `w` and `h` the size."""
    centered: bool
    """Whether the place of a box is its center."""
    relative: bool
    """Whether numbers are fractions of the width and height of the image."""

    @property
    def numbers(self) -> int:
        """The numbers of a point or box."""
        return len(self.letters)

    @property
    def of_boxes(self) -> bool:
        return self.numbers == 4

    @property
    def noun(self) -> str:
        return "boxes" if self.of_boxes else "points"


def coordinate_format(name: str) -> CoordinateFormat:
    """The format with a name, as a feature declares it."""
    own = name.removeprefix("rel_")
    return CoordinateFormat(_LETTERS[own], own.startswith("center_"), own != name)

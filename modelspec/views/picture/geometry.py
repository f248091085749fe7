"""Points and rectangles of a picture, in pixels; y increases downwards."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """A box or a frame with its position: x, y of its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float

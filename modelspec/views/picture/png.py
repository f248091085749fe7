"""The picture as PNG in double resolution, drawn by Pillow."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from .box_sizes import TEXT_SIZE, TITLE_SIZE
from .colors import colors
from .geometry import Placed, Point
from .layout import Layout

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_FINE = 2.0
_LARGEST = 16_000
"""Maximum pixels of a side that common viewers support."""
_GREY, _INK, _BLACK = "#6b7280", "#374151", "#111827"
_STEPS = 16
"""Straight segments of a curve."""


def png(layout: Layout) -> bytes:
    """The picture as the bytes of a file; in lower resolution if it would be too large for
    viewers.
    """
    from PIL import Image, ImageDraw

    scale = min(_FINE, _LARGEST / max(layout.width, layout.height))
    size = (max(1, round(layout.width * scale)), max(1, round(layout.height * scale)))
    image = Image.new("RGB", size, "#ffffff")
    _Painter(ImageDraw.Draw(image), scale).paint(layout)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


class _Painter:
    def __init__(self, draw: ImageDraw, scale: float) -> None:
        from PIL import ImageFont

        self.draw = draw
        self.scale = scale
        self.thin = max(1, round(scale))
        self.small = ImageFont.load_default(TEXT_SIZE * scale)
        self.large = ImageFont.load_default(TITLE_SIZE * scale)

    def paint(self, layout: Layout) -> None:
        """Frames first, then arrows, boxes and shapes on top of them."""
        for frame, at in layout.frames:
            self._rectangle(at, 8, "#f6f7f8", "#c3c8d0")
            self.draw.text(self._at(at.x + 10, at.y + 8), frame.title, _INK, self.small)
        for _, points in layout.lines:
            curve = [self._at(*point) for point in _bent(points)]
            self.draw.line(curve, _GREY, self.thin, joint="curve")
            self._head(*points[-1])
        for box, at in layout.boxes:
            self._rectangle(at, 6, *colors(box))
            middle = at.x + at.width / 2
            self.draw.text(self._at(middle, at.y + 14), box.title, _BLACK, self.large, anchor="mm")
            self.draw.text(self._at(middle, at.y + 31), box.subtitle, _INK, self.small, anchor="mm")
        for text, x, y in layout.labels():
            ascii_text = text.replace("\u00d7", "x")  # Pillow's own font has no multiplication sign
            self.draw.text(self._at(x, y), ascii_text, _GREY, self.small, anchor="ls")

    def _rectangle(self, at: Placed, radius: float, fill: str, border: str) -> None:
        corners = (*self._at(at.x, at.y), *self._at(at.x + at.width, at.y + at.height))
        self.draw.rounded_rectangle(corners, radius * self.scale, fill, border, self.thin)

    def _head(self, x: float, y: float) -> None:
        corners = [self._at(x, y), self._at(x - 3.5, y - 7), self._at(x + 3.5, y - 7)]
        self.draw.polygon(corners, _GREY)

    def _at(self, x: float, y: float) -> Point:
        return x * self.scale, y * self.scale


def _bent(points: list[Point]) -> list[Point]:
    """The points of the curves that the SVG draws."""
    found = points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            # A cubic whose control points are halfway down.
            across = t * t * (3 - 2 * t)
            down = 1.5 * t * (1 - t) + t**3
            found.append((x + (to_x - x) * across, y + (to_y - y) * down))
    return found

"""The picture as PNG, twice as fine as its pixels, drawn by Pillow."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from .box_sizes import TEXT_SIZE, TITLE_SIZE
from .colors import colors
from .layout import Layout, Point

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_FINE = 2.0
_LARGEST = 16_000
"""Pixels of a side: what viewers still open."""
_GREY, _INK, _BLACK = "#6b7280", "#374151", "#111827"
_STEPS = 16
"""Straight pieces of a bend."""


def png(layout: Layout) -> bytes:
    """The picture as the bytes of a file; coarser where it would be too large for viewers."""
    from PIL import Image, ImageDraw

    scale = min(_FINE, _LARGEST / max(layout.width, layout.height))
    image = Image.new(
        "RGB",
        (max(1, round(layout.width * scale)), max(1, round(layout.height * scale))),
        "#ffffff",
    )
    _Painter(ImageDraw.Draw(image), scale).paint(layout)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


class _Painter:
    def __init__(self, draw: ImageDraw, scale: float) -> None:
        from PIL import ImageFont

        self.draw = draw
        self.scale = scale
        self.small = ImageFont.load_default(TEXT_SIZE * scale)
        self.large = ImageFont.load_default(TITLE_SIZE * scale)

    def paint(self, layout: Layout) -> None:
        thin = max(1, round(self.scale))
        for frame, at in layout.frames:
            self.draw.rounded_rectangle(
                self._box(at.x, at.y, at.width, at.height),
                8 * self.scale,
                fill="#f6f7f8",
                outline="#c3c8d0",
                width=thin,
            )
            self.draw.text(self._at(at.x + 10, at.y + 8), frame.title, _INK, self.small)
        for _, points in layout.lines:
            self.draw.line(
                [self._at(*point) for point in _bent(points)], _GREY, thin, joint="curve"
            )
            self._head(*points[-1])
        for box, at in layout.boxes:
            fill, border = colors(box)
            self.draw.rounded_rectangle(
                self._box(at.x, at.y, at.width, at.height), 6 * self.scale, fill, border, thin
            )
            middle = at.x + at.width / 2
            self.draw.text(self._at(middle, at.y + 14), box.title, _BLACK, self.large, anchor="mm")
            self.draw.text(self._at(middle, at.y + 31), box.subtitle, _INK, self.small, anchor="mm")
        for text, x, y in layout.labels():
            # Pillow's own font has no multiplication sign.
            self.draw.text(
                self._at(x, y), text.replace("\u00d7", "x"), _GREY, self.small, anchor="ls"
            )

    def _head(self, x: float, y: float) -> None:
        self.draw.polygon(
            [self._at(x, y), self._at(x - 3.5, y - 7), self._at(x + 3.5, y - 7)], _GREY
        )

    def _at(self, x: float, y: float) -> Point:
        return x * self.scale, y * self.scale

    def _box(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        return (*self._at(x, y), *self._at(x + width, y + height))


def _bent(points: list[Point]) -> list[Point]:
    """The points of the curves that the SVG draws."""
    found = points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            part = t * t * (3 - 2 * t)
            height = 1.5 * t * (1 - t) + t**3  # of a cubic whose handles are half of the way down
            found.append((x + (to_x - x) * part, y + (to_y - y) * height))
    return found

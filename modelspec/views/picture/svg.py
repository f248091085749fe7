"""The picture as SVG: searchable text, tooltips, no scripts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from .box_sizes import TEXT_SIZE, TITLE_SIZE
from .colors import colors
from .layout import Layout, Placed, Point

_FONT = "ui-sans-serif, system-ui, 'Helvetica Neue', Arial, sans-serif"
_STYLE = f"""
text {{ font-family: {_FONT}; font-size: {TEXT_SIZE:g}px; fill: #374151 }}
.title {{ font-size: {TITLE_SIZE:g}px; font-weight: 600; fill: #111827 }}
.shape {{ fill: #6b7280 }}
.frame {{ fill: #9ca3af; fill-opacity: 0.08; stroke: #9ca3af; stroke-dasharray: 4 3 }}
.line {{ fill: none; stroke: #6b7280; stroke-width: 1.3 }}
"""


def svg(layout: Layout, name: str) -> str:
    """The picture as an SVG document."""
    width, height = round(layout.width), round(layout.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">'
    )
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#6b7280"/></marker></defs>'
    )
    back = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join(
        [
            head,
            f"<title>{escape(name)}</title>",
            f"<style>{_STYLE}</style>",
            arrow,
            back,
            *_frames(layout),
            *_lines(layout),
            *_boxes(layout),
            *_shapes(layout),
            "</svg>",
            "",
        ]
    )


def _frames(layout: Layout) -> Iterator[str]:
    for frame, place in layout.frames:
        yield f'<rect class="frame" {_place(place)} rx="8"/>'
        yield f'<text x="{place.x + 10:.1f}" y="{place.y + 17:.1f}">{escape(frame.title)}</text>'


def _boxes(layout: Layout) -> Iterator[str]:
    for box, place in layout.boxes:
        fill, border = colors(box)
        middle = place.x + place.width / 2
        tip = f"<title>{escape(box.tip)}</title>" if box.tip else ""
        yield (
            f'<g data-layer="{escape(box.key)}">{tip}<rect {_place(place)} rx="6" fill="{fill}"'
            f' stroke="{border}"/><text class="title" x="{middle:.1f}" y="{place.y + 18:.1f}"'
            f' text-anchor="middle">{escape(box.title)}</text><text x="{middle:.1f}"'
            f' y="{place.y + 34:.1f}" text-anchor="middle">{escape(box.subtitle)}</text></g>'
        )


def _lines(layout: Layout) -> Iterator[str]:
    for _, points in layout.lines:
        yield f'<path class="line" d="{_curve(points)}" marker-end="url(#arrow)"/>'


def _curve(points: list[Point]) -> str:
    """A curve that starts downwards at every point."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if abs(x - to_x) < 0.5:
            parts.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
    return " ".join(parts)


def _shapes(layout: Layout) -> Iterator[str]:
    for text, x, y in layout.labels():
        yield f'<text class="shape" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _place(place: Placed) -> str:
    return (
        f'x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'
    )

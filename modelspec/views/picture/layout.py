"""The layout of a picture: boxes in layers from top to bottom, and frames around related boxes.

Each frame is laid out separately, then it is one large box in its outer frame (layered drawing by
Sugiyama, Tagawa and Toda, 1981, applied from the inside out). Arrows into and out of a frame cross
its border at ports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest

from .elements import Arrow, Box, Diagram, Frame
from .frame_layout import FrameLayout
from .geometry import Placed, Point

__all__ = ["Layout", "Placed", "Point", "layout"]


@dataclass
class Layout:
    """A picture in pixels."""

    width: float
    height: float
    boxes: list[tuple[Box, Placed]] = field(default_factory=list)
    frames: list[tuple[Frame, Placed]] = field(default_factory=list)
    """The outermost first."""
    lines: list[tuple[Arrow, list[Point]]] = field(default_factory=list)
    """Points of each arrow, from the source's lower edge to the target's upper one."""

    def labels(self) -> list[tuple[str, float, float]]:
        """The shape of every tensor once, and the position of its text (left, baseline): next to
        the start of its arrows.
        """
        found: dict[tuple[str, str, float], tuple[str, float, float]] = {}
        for arrow, points in self.lines:
            x, y = points[0]
            found.setdefault((arrow.source, arrow.shape, x), (arrow.shape, x + 6, y + 14))
        return list(found.values())


def layout(diagram: Diagram) -> Layout:
    """The layout of a diagram."""
    frames = _nested(diagram)
    placed = {frame.key: FrameLayout(diagram, frame) for frame in frames}
    for frame in reversed(frames):  # inner frames first: outer frames need their sizes
        inner = [child for child in frames if child.parent is frame]
        placed[frame.key].arrange({child.key: placed[child.key] for child in inner})
    root = placed[frames[0].key]
    found = Layout(root.width, root.height)
    points: dict[int, list[Point]] = {index: [] for index in range(len(diagram.arrows))}
    _put(root, 0.0, 0.0, found, points)
    found.lines = [(arrow, _smooth(points[index])) for index, arrow in enumerate(diagram.arrows)]
    return found


def _nested(diagram: Diagram) -> list[Frame]:
    """Every frame with boxes, outer frames before inner ones."""
    found: dict[str, Frame] = {}
    for box in diagram.boxes.values():
        top = box.frame
        while top.parent is not None:
            top = top.parent
        for frame in (top, *box.frame.way):
            found.setdefault(frame.key, frame)
    return sorted(found.values(), key=lambda frame: len(frame.way))


def _put(
    level: FrameLayout, x: float, y: float, found: Layout, points: dict[int, list[Point]]
) -> None:
    """Convert positions within a frame to positions in the picture."""
    if level.frame.parent is not None:
        found.frames.append((level.frame, Placed(x, y, level.width, level.height)))
    for index, line in level.lines.items():
        points[index].extend((x + px, y + py) for px, py in line)
    for key, place in level.places.items():
        here = Placed(x + place.x, y + place.y, place.width, place.height)
        if key in level.inner:
            _put(level.inner[key], here.x, here.y, found, points)
        else:
            found.boxes.append((level.diagram.boxes[key], here))


def _smooth(points: list[Point]) -> list[Point]:
    """The points from top to bottom, without those in the middle of a straight line."""
    ordered = sorted(dict.fromkeys(points), key=lambda point: point[1])
    kept = ordered[:1]
    for point, following in zip_longest(ordered[1:], ordered[2:]):
        is_straight = following is not None and kept[-1][0] == point[0] == following[0]
        if not is_straight:
            kept.append(point)
    return kept

"""Where everything stands: boxes in layers from top to bottom, frames around those that belong
together.

Each frame is laid out by itself, then stands as one large box in the frame around it (the layered
drawing of Sugiyama, Tagawa and Toda, 1981, applied from the inside out). Arrows into and out of a
frame cross its border at ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .box_sizes import (
    BOX_HEIGHT,
    FRAME_PADDING,
    FRAME_TITLE,
    GAP,
    LABEL_GAP,
    STUB,
    box_width,
    text_width,
)
from .diagram import Arrow, Box, Diagram, Frame

_SWEEPS = 8
"""How often the order and the places of a layer are fitted to its neighbours'. More changes nothing
that is seen.
"""
_STRAIGHT = 8.0
"""How much more a long arrow wants to be straight than a box wants to be in the middle of its
neighbours.
"""

_BEND = "\0"
"""What the key of an item starts with that is no box."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """A box or a frame with its place: x, y of its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float


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
        """Every tensor's shape once, and where its text begins (left, baseline): beside the start
        of its arrows.
        """
        found: dict[tuple[str, str, float], tuple[str, float, float]] = {}
        for arrow, points in self.lines:
            x, y = points[0]
            found.setdefault((arrow.source, arrow.shape, x), (arrow.shape, x + 6, y + 14))
        return list(found.values())


def layout(diagram: Diagram) -> Layout:
    """A place for everything in a diagram."""
    frames = _nested(diagram)
    root = frames[0]
    placed = {frame.key: _Level(diagram, frame) for frame in frames}
    for frame in reversed(frames):  # the inner ones first: those around need their sizes
        placed[frame.key].arrange(
            {child.key: placed[child.key] for child in frames if child.parent is frame}
        )
    found = Layout(placed[root.key].width, placed[root.key].height)
    points: dict[int, list[Point]] = {index: [] for index in range(len(diagram.arrows))}
    _put(root, 0.0, 0.0, placed, frames, found, points)
    found.lines = [(arrow, _smooth(points[index])) for index, arrow in enumerate(diagram.arrows)]
    return found


def _nested(diagram: Diagram) -> list[Frame]:
    """Every frame that has boxes, those around before those inside."""
    found: dict[str, Frame] = {}
    for box in diagram.boxes.values():
        top = box.frame
        while top.parent is not None:
            top = top.parent
        for frame in (top, *box.frame.way):
            found.setdefault(frame.key, frame)
    return sorted(found.values(), key=lambda frame: len(frame.way))


def _put(
    frame: Frame,
    x: float,
    y: float,
    placed: dict[str, _Level],
    frames: list[Frame],
    found: Layout,
    points: dict[int, list[Point]],
) -> None:
    """Turns places within a frame into places in the picture."""
    level = placed[frame.key]
    if frame.parent is not None:
        found.frames.append((frame, Placed(x, y, level.width, level.height)))
    for index, line in level.lines.items():
        points[index].extend((x + px, y + py) for px, py in line)
    for key, place in level.places.items():
        here = Placed(x + place.x, y + place.y, place.width, place.height)
        if key in level.inner:
            inner = next(one for one in frames if one.key == key)
            _put(inner, here.x, here.y, placed, frames, found, points)
        else:
            found.boxes.append((level.diagram.boxes[key], here))


def _smooth(points: list[Point]) -> list[Point]:
    """The points from top to bottom, without those that say nothing."""
    ordered = sorted(dict.fromkeys(points), key=lambda point: point[1])
    kept = ordered[:1]
    for index, point in enumerate(ordered[1:], 1):
        straight = index + 1 < len(ordered) and kept[-1][0] == point[0] == ordered[index + 1][0]
        if not straight:
            kept.append(point)
    return kept


# One frame ----------------------------------------------------------------------------------------


@dataclass
class _Item:
    """What stands in a layer: a box, an inner frame, a port at the border, or a bend of a long
    arrow.
    """

    width: float
    height: float
    rank: int = 0
    x: float = 0.0
    """Of its middle."""
    y: float = 0.0
    layer: tuple[float, float] = (0.0, 0.0)
    """From where to where its layer goes, downwards."""
    weight: float = 1.0
    above: list[tuple[_Item, float, float]] = field(default_factory=list)
    """Items of the layer before, and how far right of each middle (theirs, this one's) the arrow is
    attached.
    """
    below: list[tuple[_Item, float, float]] = field(default_factory=list)


class _Level:
    """The inside of one frame. `places` are relative to its upper left corner."""

    def __init__(self, diagram: Diagram, frame: Frame) -> None:
        self.diagram = diagram
        self.frame = frame
        self.width = self.height = 0.0
        self.places: dict[str, Placed] = {}
        self.lines: dict[int, list[Point]] = {}
        self.ports: dict[int, float] = {}
        """Where an arrow crosses the border: x by the arrow's number, the upper border's and the
        lower one's.
        """
        self.inner: dict[str, _Level] = {}

    def arrange(self, inner: dict[str, _Level]) -> None:
        """Places everything in the frame, whose inner frames are arranged already."""
        self.inner = inner
        items, chains = self._items()
        layers = _layers(items)
        _order(layers)
        _spread(layers)
        self._measure(items, layers, chains)

    # What there is --------------------------------------------------------------------------------

    def _child(self, key: str) -> str | None:
        """Which item of this frame a box is, or is in; None where it is outside."""
        box = self.diagram.boxes[key]
        way = box.frame.way
        if self.frame.parent is None:
            return way[0].key if way else key
        if self.frame not in way:
            return None
        at = way.index(self.frame)
        return way[at + 1].key if at + 1 < len(way) else key

    def _items(self) -> tuple[dict[str, _Item], dict[int, list[_Item]]]:
        items: dict[str, _Item] = {}
        for key in self.diagram.boxes:
            child = self._child(key)
            if child is not None and child not in items:
                level = self.inner.get(child)
                size = (
                    (level.width, level.height)
                    if level
                    else (box_width(self.diagram.boxes[key]), BOX_HEIGHT)
                )
                items[child] = _Item(*size)
        links = self._links()
        self._rank(items, links)
        return items, self._chains(items, links)

    def _links(self) -> dict[int, tuple[str | None, str | None]]:
        """The arrows that pass through this frame, outside of its inner ones: from and to which
        item (None: border).
        """
        found: dict[int, tuple[str | None, str | None]] = {}
        for index, arrow in enumerate(self.diagram.arrows):
            source, target = self._child(arrow.source), self._child(arrow.target)
            if source != target:
                found[index] = source, target
        return found

    def _rank(
        self, items: dict[str, _Item], links: dict[int, tuple[str | None, str | None]]
    ) -> None:
        """The rank of every item: the longest way to it from the top."""
        into: dict[str, list[str]] = {}
        for source, target in links.values():
            if source is not None and target is not None:
                into.setdefault(target, []).append(source)
        for key in self._topological(items, into):
            items[key].rank = max((items[one].rank + 1 for one in into.get(key, ())), default=1)

    @staticmethod
    def _topological(items: dict[str, _Item], into: dict[str, list[str]]) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(reversed(items))
        while waiting:
            key = waiting[-1]
            missing = [one for one in into.get(key, ()) if one not in found]
            if missing:
                waiting.extend(missing)
            else:
                found.setdefault(key)
                waiting.pop()
        return list(found)

    def _chains(
        self, items: dict[str, _Item], links: dict[int, tuple[str | None, str | None]]
    ) -> dict[int, list[_Item]]:
        """Every arrow as items of successive layers: its ends, and a bend in each layer between."""
        last = max((item.rank for item in items.values()), default=0) + 1
        chains: dict[int, list[_Item]] = {}
        bends: dict[tuple[str, int], _Item] = {}
        for index, (source, target) in links.items():
            name = self.diagram.arrows[
                index
            ].source  # arrows of one tensor share their way as far as they go together
            first = items[source] if source else self._bend(items, bends, (name, 0))
            end = items[target] if target else self._bend(items, bends, (name, last))
            chain = [
                first,
                *(
                    self._bend(items, bends, (name, rank))
                    for rank in range(first.rank + 1, end.rank)
                ),
                end,
            ]
            self._connect(chain, index, source, target)
            chains[index] = chain
        return chains

    @staticmethod
    def _bend(
        items: dict[str, _Item], bends: dict[tuple[str, int], _Item], key: tuple[str, int]
    ) -> _Item:
        if key not in bends:
            bends[key] = items[f"{_BEND}{len(items)}"] = _Item(0.0, 0.0, key[1], weight=_STRAIGHT)
        return bends[key]

    def _connect(
        self, chain: list[_Item], index: int, source: str | None, target: str | None
    ) -> None:
        for upper, lower in pairwise(chain):
            out = self._port(source, index, upper is chain[0])
            into = self._port(target, index, lower is chain[-1])
            if all(one is not lower for one, _, _ in upper.below):
                upper.below.append((lower, out, into))
                lower.above.append((upper, out, into))

    def _port(self, key: str | None, index: int, is_end: bool) -> float:
        """How far right of an item's middle an arrow is attached to it."""
        if not is_end or key not in self.inner:
            return 0.0
        level = self.inner[key]
        return level.ports[index] - level.width / 2

    # Pixels ---------------------------------------------------------------------------------------

    def _measure(
        self, items: dict[str, _Item], layers: list[list[_Item]], chains: dict[int, list[_Item]]
    ) -> None:
        framed = self.frame.parent is not None
        side, top = (FRAME_PADDING, FRAME_TITLE) if framed else (GAP, GAP / 2)
        left = min((item.x - item.width / 2 for item in items.values()), default=0.0)
        right = max((item.x + item.width / 2 for item in items.values()), default=0.0)
        right = max(
            [
                right,
                *(
                    item.x + text_width(arrow.shape) * 0.9 + 8
                    for arrow, item in self._labels(chains)
                ),
            ]
        )
        # A frame is so wide that an arrow into its middle leaves the title alone.
        title = 2 * (text_width(self.frame.title) + FRAME_PADDING) if framed else 0.0
        self.width = max(right - left + 2 * side, title)
        shift = (self.width - (right - left)) / 2 - left
        y = top
        for layer in layers:
            height = max(item.height for item in layer)
            for item in layer:
                item.x += shift
                item.y = y + (height - item.height) / 2
                item.layer = (y, y + height)
            y += height + (LABEL_GAP if height else LABEL_GAP / 2)
        ends_in_ports = (
            not max((item.height for item in layers[-1]), default=0.0) if layers else False
        )
        self.height = y - (LABEL_GAP if ends_in_ports else LABEL_GAP - FRAME_PADDING)
        self.places = {
            key: Placed(item.x - item.width / 2, item.y, item.width, item.height)
            for key, item in items.items()
            if not key.startswith(_BEND)
        }
        for index, chain in chains.items():
            self.lines[index] = self._line(index, chain)

    def _labels(self, chains: dict[int, list[_Item]]) -> Iterable[tuple[Arrow, _Item]]:
        """The arrows whose shape is written in this frame, and the item that it is written
        below.
        """
        for index, chain in chains.items():
            arrow = self.diagram.arrows[index]
            if self._child(arrow.source) == arrow.source:
                yield arrow, chain[0]

    def _line(self, index: int, chain: list[_Item]) -> list[Point]:
        """The points of an arrow within this frame; those at the ends of inner frames are where
        these go on.
        """
        arrow = self.diagram.arrows[index]
        source, target = self._child(arrow.source), self._child(arrow.target)
        out, into = self._port(source, index, True), self._port(target, index, True)
        first, last = chain[0], chain[-1]
        start = (first.x + out, first.y + first.height) if source else (first.x, 0.0)
        end = (last.x + into, last.y) if target else (last.x, self.height)
        if source is None:
            self.ports[index] = first.x
        if target is None:
            self.ports[index] = last.x
        stub = [(start[0], start[1] + STUB)] if source else []
        # Beside the boxes of a layer an arrow goes straight down: it bends between layers.
        bends = [(item.x, y) for item in chain[1:-1] for y in item.layer]
        return [start, *stub, *bends, end]


# Layers -------------------------------------------------------------------------------------------


def _layers(items: dict[str, _Item]) -> list[list[_Item]]:
    found: dict[int, list[_Item]] = {}
    for item in items.values():
        found.setdefault(item.rank, []).append(item)
    return [found[rank] for rank in sorted(found)]


def _order(layers: list[list[_Item]]) -> None:
    """Puts each layer in the order of its neighbours' middles, downwards and upwards in turn: few
    arrows cross.
    """
    place: dict[int, float] = {}

    def note(layer: list[_Item]) -> None:
        place.update({id(item): index - len(layer) / 2 for index, item in enumerate(layer)})

    for layer in layers:
        note(layer)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            layer.sort(key=lambda item, down=down: _middle(item, place, down=down))  # type: ignore[misc]
            note(layer)


def _middle(item: _Item, place: dict[int, float], *, down: bool) -> float:
    near = [place[id(one)] for one, _, _ in (item.above if down else item.below)]
    return sum(near) / len(near) if near else place[id(item)]


def _spread(layers: list[list[_Item]]) -> None:
    """Gives every item its x: as near to the middle of its neighbours as the order and the widths
    allow.
    """
    for layer in layers:
        _fit(layer, [0.0] * len(layer))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = []
            for item in layer:
                above = [one.x + out - into for one, out, into in item.above]
                below = [one.x + into - out for one, out, into in item.below]
                near = (above or below) if down else (below or above)
                wanted.append(sum(near) / len(near) if near else item.x)
            _fit(layer, wanted)


def _fit(layer: Sequence[_Item], wanted: Sequence[float]) -> None:
    """The places nearest to the wanted ones (least squares) at which nothing overlaps, in the given
    order.

    Without the widths in between it is a regression to ascending values: neighbours in conflict are
    pooled.
    """
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (one.width + other.width) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []
    for item, want, offset in zip(layer, wanted, offsets, strict=True):
        mean, weight, count = want - offset, item.weight, 1
        while pools and pools[-1][0] > mean:
            before, heavy, more = pools.pop()
            mean, weight, count = (
                (mean * weight + before * heavy) / (weight + heavy),
                weight + heavy,
                count + more,
            )
        pools.append((mean, weight, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    for item, mean, offset in zip(layer, means, offsets, strict=True):
        item.x = mean + offset

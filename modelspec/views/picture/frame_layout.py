"""The inside of one frame in layers: boxes, inner frames, ports, the bends of long arrows."""

from __future__ import annotations

from collections.abc import Iterable
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
from .elements import Arrow, Diagram, Frame
from .geometry import Placed, Point
from .layering import STRAIGHT, Item, layers_of, order, spread

_BEND = "\0"
"""The prefix of the key of an item that is not a box."""


class FrameLayout:
    """The inside of one frame. `places` are relative to its upper left corner."""

    def __init__(self, diagram: Diagram, frame: Frame) -> None:
        self.diagram = diagram
        self.frame = frame
        self.width = self.height = 0.0
        self.places: dict[str, Placed] = {}
        self.lines: dict[int, list[Point]] = {}
        self.ports: dict[int, float] = {}
        """Where arrows cross the border: x by arrow number, for the upper and the lower border."""
        self.inner: dict[str, FrameLayout] = {}

    def arrange(self, inner: dict[str, FrameLayout]) -> None:
        """Place all items in the frame; its inner frames are already laid out."""
        self.inner = inner
        items, chains = self._items()
        layers = layers_of(items)
        order(layers)
        spread(layers)
        self._measure(items, layers, chains)

    # Items ----------------------------------------------------------------------------------------

    def _child(self, key: str) -> str | None:
        """The item of this frame that is, or contains, a box; None if the box is outside."""
        box = self.diagram.boxes[key]
        way = box.frame.way
        if self.frame.parent is None:
            return way[0].key if way else key
        if self.frame not in way:
            return None
        at = way.index(self.frame)
        return way[at + 1].key if at + 1 < len(way) else key

    def _items(self) -> tuple[dict[str, Item], dict[int, list[Item]]]:
        """The items by their keys, and the arrows as items of successive layers."""
        items: dict[str, Item] = {}
        for key in self.diagram.boxes:
            child = self._child(key)
            if child is not None and child not in items:
                items[child] = self._item(child, key)
        links = self._links()
        self._rank(items, links)
        return items, self._chains(items, links)

    def _item(self, child: str, box: str) -> Item:
        """An inner frame, or a box."""
        inner = self.inner.get(child)
        if inner is not None:
            return Item(inner.width, inner.height)
        return Item(box_width(self.diagram.boxes[box]), BOX_HEIGHT)

    def _links(self) -> dict[int, tuple[str | None, str | None]]:
        """The arrows in this frame outside its inner frames, with start and end item (None:
        border).
        """
        found: dict[int, tuple[str | None, str | None]] = {}
        for index, arrow in enumerate(self.diagram.arrows):
            source, target = self._child(arrow.source), self._child(arrow.target)
            if source != target:
                found[index] = source, target
        return found

    def _rank(
        self, items: dict[str, Item], links: dict[int, tuple[str | None, str | None]]
    ) -> None:
        """The rank of every item: the longest path to it from the top."""
        into: dict[str, list[str]] = {}
        for source, target in links.values():
            if source is not None and target is not None:
                into.setdefault(target, []).append(source)
        for key in self._topological(items, into):
            items[key].rank = max((items[one].rank + 1 for one in into.get(key, ())), default=1)

    @staticmethod
    def _topological(items: dict[str, Item], into: dict[str, list[str]]) -> list[str]:
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
        self, items: dict[str, Item], links: dict[int, tuple[str | None, str | None]]
    ) -> dict[int, list[Item]]:
        """Every arrow as items of successive layers: its ends, and a bend in each layer between."""
        last = max((item.rank for item in items.values()), default=0) + 1
        chains: dict[int, list[Item]] = {}
        bends: dict[tuple[str, int], Item] = {}
        for index, (source, target) in links.items():
            # Arrows of one tensor share a common path.
            name = self.diagram.arrows[index].source
            first = items[source] if source else self._bend(items, bends, (name, 0))
            end = items[target] if target else self._bend(items, bends, (name, last))
            between = range(first.rank + 1, end.rank)
            chain = [first, *(self._bend(items, bends, (name, rank)) for rank in between), end]
            self._connect(chain, index, source, target)
            chains[index] = chain
        return chains

    @staticmethod
    def _bend(
        items: dict[str, Item], bends: dict[tuple[str, int], Item], key: tuple[str, int]
    ) -> Item:
        if key not in bends:
            bends[key] = items[f"{_BEND}{len(items)}"] = Item(0.0, 0.0, key[1], weight=STRAIGHT)
        return bends[key]

    def _connect(
        self, chain: list[Item], index: int, source: str | None, target: str | None
    ) -> None:
        for upper, lower in pairwise(chain):
            out = self._port(source, index, upper is chain[0])
            into = self._port(target, index, lower is chain[-1])
            if all(one is not lower for one, _, _ in upper.below):
                upper.below.append((lower, out, into))
                lower.above.append((upper, out, into))

    def _port(self, key: str | None, index: int, is_end: bool) -> float:
        """The offset to the right of an item's middle where an arrow is attached."""
        if not is_end or key not in self.inner:
            return 0.0
        level = self.inner[key]
        return level.ports[index] - level.width / 2

    # Pixels ---------------------------------------------------------------------------------------

    def _measure(
        self, items: dict[str, Item], layers: list[list[Item]], chains: dict[int, list[Item]]
    ) -> None:
        """Set the positions of all items, and the size of the frame."""
        is_framed = self.frame.parent is not None
        side, top = (FRAME_PADDING, FRAME_TITLE) if is_framed else (GAP, GAP / 2)
        left, right = self._sides(items, chains)
        # A frame is wide enough that an arrow into its middle does not cross the title.
        title = 2 * (text_width(self.frame.title) + FRAME_PADDING) if is_framed else 0.0
        self.width = max(right - left + 2 * side, title)
        shift = (self.width - (right - left)) / 2 - left
        for item in items.values():
            item.x += shift
        bottom = _stack(layers, top)
        ends_in_ports = bool(layers) and not _height(layers[-1])
        self.height = bottom - (LABEL_GAP if ends_in_ports else LABEL_GAP - FRAME_PADDING)
        self.places = {
            key: Placed(item.x - item.width / 2, item.y, item.width, item.height)
            for key, item in items.items()
            if not key.startswith(_BEND)
        }
        for index, chain in chains.items():
            self.lines[index] = self._line(index, chain)

    def _sides(self, items: dict[str, Item], chains: dict[int, list[Item]]) -> tuple[float, float]:
        """The left and right extent of the items, and of the shapes next to arrows."""
        left = [item.x - item.width / 2 for item in items.values()]
        right = [item.x + item.width / 2 for item in items.values()]
        labels = [
            item.x + text_width(arrow.shape) * 0.9 + 8 for arrow, item in self._labels(chains)
        ]
        return min(left, default=0.0), max(right + labels, default=0.0)

    def _labels(self, chains: dict[int, list[Item]]) -> Iterable[tuple[Arrow, Item]]:
        """The arrows whose shape is written in this frame, each with the item above the shape."""
        for index, chain in chains.items():
            arrow = self.diagram.arrows[index]
            if self._child(arrow.source) == arrow.source:
                yield arrow, chain[0]

    def _line(self, index: int, chain: list[Item]) -> list[Point]:
        """The points of an arrow within this frame, without those inside inner frames."""
        arrow = self.diagram.arrows[index]
        source, target = self._child(arrow.source), self._child(arrow.target)
        first, last = chain[0], chain[-1]
        # Next to the boxes of a layer an arrow is vertical: it bends between layers.
        points = [(item.x, y) for item in chain[1:-1] for y in item.layer]
        if source is None:
            self.ports[index] = first.x
            points.insert(0, (first.x, 0.0))
        else:
            x, y = first.x + self._port(source, index, True), first.y + first.height
            points[:0] = [(x, y), (x, y + STUB)]
        if target is None:
            self.ports[index] = last.x
            points.append((last.x, self.height))
        else:
            points.append((last.x + self._port(target, index, True), last.y))
        return points


def _height(layer: list[Item]) -> float:
    return max((item.height for item in layer), default=0.0)


def _stack(layers: list[list[Item]], top: float) -> float:
    """Set y of every item, layer below layer, and return the end of the last gap."""
    y = top
    for layer in layers:
        height = _height(layer)
        for item in layer:
            item.y = y + (height - item.height) / 2
            item.layer = (y, y + height)
        y += height + (LABEL_GAP if height else LABEL_GAP / 2)
    return y

"""Items in layers, one below the other: their order, so that few arrows cross, and their positions
within a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from .box_sizes import GAP

_SWEEPS = 8
"""The number of iterations that adapt order and positions to the neighbors. More iterations have no
visible effect.
"""
STRAIGHT = 8.0
"""The weight of a straight long arrow relative to a box in the middle of its neighbors."""


@dataclass
class Item:
    """An item of a layer: a box, an inner frame, a port at the border, or a bend of a long
    arrow.
    """

    width: float
    height: float
    rank: int = 0
    x: float = 0.0
    """Of its middle."""
    y: float = 0.0
    layer: tuple[float, float] = (0.0, 0.0)
    """The top and bottom of its layer."""
    weight: float = 1.0
    above: list[tuple[Item, float, float]] = field(default_factory=list)
    """Items of the previous layer, and the offsets to the right of both middles where the arrow is
    attached.
    """
    below: list[tuple[Item, float, float]] = field(default_factory=list)


def layers_of(items: dict[str, Item]) -> list[list[Item]]:
    found: dict[int, list[Item]] = {}
    for item in items.values():
        found.setdefault(item.rank, []).append(item)
    return [found[rank] for rank in sorted(found)]


def order(layers: list[list[Item]]) -> None:
    """Sort each layer by the middles of its neighbors, alternately downwards and upwards, so that
    few arrows cross.
    """
    place: dict[int, float] = {}

    def note(layer: list[Item]) -> None:
        place.update({id(item): index - len(layer) / 2 for index, item in enumerate(layer)})

    for layer in layers:
        note(layer)
    for layer, down in _sweeps(layers):
        middles = {id(item): _middle(item, place, down=down) for item in layer}
        layer.sort(key=lambda item, middles=middles: middles[id(item)])  # type: ignore[misc]
        note(layer)


def _sweeps(layers: list[list[Item]]) -> Iterator[tuple[list[Item], bool]]:
    """Every layer downwards, then upwards, and so on; each with whether the direction is
    downwards.
    """
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            yield layer, down


def _middle(item: Item, place: dict[int, float], *, down: bool) -> float:
    near = [place[id(one)] for one, _, _ in (item.above if down else item.below)]
    return sum(near) / len(near) if near else place[id(item)]


def spread(layers: list[list[Item]]) -> None:
    """Set x of every item: as near to the middle of its neighbors as the order and the widths
    allow.
    """
    for layer in layers:
        _fit(layer, [0.0] * len(layer))
    for layer, down in _sweeps(layers):
        _fit(layer, [_wanted(item, down=down) for item in layer])


def _wanted(item: Item, *, down: bool) -> float:
    """The middle of an item's neighbors: those above it when moving downwards, if any."""
    above = [one.x + out - into for one, out, into in item.above]
    below = [one.x + into - out for one, out, into in item.below]
    near = (above or below) if down else (below or above)
    return sum(near) / len(near) if near else item.x


def _fit(layer: Sequence[Item], wanted: Sequence[float]) -> None:
    """The positions nearest to the desired ones (least squares) without overlaps, in the given
    order.

    After subtracting the widths it is an isotonic regression: conflicting neighbors are pooled.
    """
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (one.width + other.width) / 2 + GAP)
    pools: list[_Pool] = []
    for item, want, offset in zip(layer, wanted, offsets, strict=True):
        pool = _Pool(want - offset, item.weight, 1)
        while pools and pools[-1].mean > pool.mean:
            pool = pool.joined(pools.pop())
        pools.append(pool)
    means = [pool.mean for pool in pools for _ in range(pool.size)]
    for item, mean, offset in zip(layer, means, offsets, strict=True):
        item.x = mean + offset


class _Pool(NamedTuple):
    """Neighbors with a common mean."""

    mean: float
    weight: float
    size: int

    def joined(self, before: _Pool) -> _Pool:
        weight = self.weight + before.weight
        mean = (self.mean * self.weight + before.mean * before.weight) / weight
        return _Pool(mean, weight, self.size + before.size)

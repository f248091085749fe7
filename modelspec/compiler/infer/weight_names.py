"""The weights of a model by the names that files of weights use: the path of a layer, and the name
of its weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modelspec.catalog.layers.layer import Weight
from modelspec.core.records import NamedTuple

from .typed_graph import TypedGraph


class NamedWeight(NamedTuple):
    """One weight of a layer."""

    layer: str
    """The path of the layer: `encoder/dense`."""
    names: tuple[str, ...]
    """`encoder/dense/kernel`; and `dense/kernel`, if no other weight has this name."""
    weight: Weight


def named_weights(typed: TypedGraph) -> list[NamedWeight]:
    """Every weight once, in the order of the layers."""
    found = dict(_weights(typed, ""))
    counts = Counter(_short(path, weight) for (path, _), weight in found.items())
    made = []
    for (path, name), weight in found.items():
        short = _short(path, weight)
        also = (short,) if counts[short] == 1 and short != f"{path}/{name}" else ()
        made.append(NamedWeight(path, (f"{path}/{name}", *also), weight))
    return made


def _weights(typed: TypedGraph, place: str) -> Iterator[tuple[tuple[str, str], Weight]]:
    for call in typed.alive:
        path = f"{place}{call.shared or call.name}"
        if call.inside is not None:
            yield from _weights(call.inside, f"{path}/")
        else:
            yield from (((path, weight.name), weight) for weight in call.weights)


def _short(path: str, weight: Weight) -> str:
    return f"{path.rpartition('/')[2]}/{weight.name}"

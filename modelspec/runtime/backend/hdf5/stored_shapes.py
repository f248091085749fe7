"""The names and shapes of the arrays of layers in a model file. Loads no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from modelspec.core.registry import snake_case
from modelspec.importers.architecture import Architecture

from .process import Tree, opened_apart

_MOST = 64
"""Arrays of one layer."""

Arrays = list[tuple[str, tuple[int, ...]]]


def stored_shapes(path: Path, model: Architecture) -> Mapping[str, Arrays]:
    """The arrays of every layer of a model file, in the order of the file, by the layer's name.
    Raises `RunError` (MS750, MS751) for a file that cannot be read.
    """
    with opened_apart(path, path.name) as tree:
        if (roots := _roots_of_keras_2(tree)) is not None:
            found = {name: _of_keras_2(tree, f"{roots}{name}") for name in model.layers}
        else:
            found = {name: _of_keras_3(tree, place) for name, place in _places(model.order)}
    return {name: arrays for name, arrays in found.items() if arrays}


def _roots_of_keras_2(tree: Tree) -> str | None:
    """What the group of a layer begins with in the layout of Keras 1 and 2; None in another one."""
    for root in ("", "model_weights"):
        if (not root or tree.has(root)) and tree.texts(root, "layer_names") is not None:
            return f"{root}/" if root else ""
    return None


def _of_keras_2(tree: Tree, place: str) -> Arrays:
    if "/" in place.rpartition("model_weights/")[2] or not tree.has(place):
        return []
    names = tree.texts(place, "weight_names") or ()
    return _with_shapes(tree, [(name, f"{place}/{name}") for name in names[:_MOST]])


def _places(order: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The group of each layer in the layout of Keras 3: its class, numbered."""
    counts: dict[str, int] = {}
    for name, kind in order:
        base = snake_case(kind)
        count = counts[base] = counts.get(base, -1) + 1
        yield name, f"layers/{base}_{count}" if count else f"layers/{base}"


def _of_keras_3(tree: Tree, place: str) -> Arrays:
    group = f"{place}/vars"
    if not place.replace("/", "").replace("_", "").isalnum() or not tree.has(group):
        return []
    names = sorted(tree.names(group), key=lambda name: (len(name), name))[:_MOST]
    return _with_shapes(tree, [(f"weight_{name}", f"{group}/{name}") for name in names])


def _with_shapes(tree: Tree, places: Sequence[tuple[str, str]]) -> Arrays:
    found = ((name, tree.entry(path)) for name, path in places)
    return [(name, entry.shape) for name, entry in found if entry is not None]

"""Files of Keras 1 and 2 (`.h5`): attributes list the names of the layers and their arrays. The
n-th layer with weights in the file belongs to the n-th one in the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras

from modelspec.compiler.spec.initial_weights import covers

from ..hdf5.entry import Entry
from ..inner_names import spec_name
from .held_weights import Given, compared, holders, kept_by, name_of
from .layer_arrays import Groups
from .old_arrays import Origin, as_of_now, origin_of
from .wanted import Wanted

_Saved = list[tuple[str, list[Entry]]]
"""Layers of a file by name, each with its arrays."""


def by_order(tree: Groups, model: keras.Model, wanted: Wanted) -> Iterator[Given]:
    """The arrays of the file for every layer with weights, and for the model itself."""
    root = _root(tree)
    layers = [layer for layer in model.layers if layer.weights]
    saved = _saved(tree, root)
    if wanted.of_library:
        wanted, saved = _of_library(wanted, saved, layers)
    if wanted.by_name:
        pairs = _pairs_by_name(layers, saved)
    else:
        layers = _paired(layers, len(saved), wanted.skip)
        if len(saved) != len(layers):
            count = f"{len(saved)} layers with weights, and the model has {len(layers)}"
            yield Given(model, "", problem=f"the file has {count}")
            return
        pairs = [(layer, *one) for layer, one in zip(layers, saved, strict=True)]
    origin = origin_of(tree, root)
    for layer, name, stored in pairs:
        entries = as_of_now(layer, stored, origin)
        yield _in_order(layer, name, entries, wanted.skip)
    yield from _of_model(model, _arrays(tree, root, "top_level_model_weights"))


def _saved(tree: Groups, root: str) -> _Saved:
    """The layers of a file that have arrays."""
    names = tree.texts(root, "layer_names") or ()
    found = ((spec_name(name), _arrays(tree, root, name)) for name in names)
    return [(name, entries) for name, entries in found if entries]


def layer_by_name(tree: Groups, layer: Any, name: str, origin: Origin | None = None) -> Given:
    """The arrays of the file for one layer, by its name. `origin` applies as far as the file does
    not contain its own.
    """
    root = _root(tree)
    entries = as_of_now(layer, _arrays(tree, root, name), origin_of(tree, root, origin))
    return _in_order(layer, name, entries)


def _root(tree: Groups) -> str:
    """The group of the layers: in a weight file, or in a file of a whole model."""
    return "" if tree.texts("", "layer_names") is not None else "model_weights"


def _pairs_by_name(layers: list[Any], saved: _Saved) -> list[tuple[Any, str, list[Entry]]]:
    named = dict(saved)
    pairs = ((layer, spec_name(layer.name)) for layer in layers)
    return [(layer, name, named[name]) for layer, name in pairs if name in named]


def _of_library(wanted: Wanted, saved: _Saved, layers: list[Any]) -> tuple[Wanted, _Saved]:
    """By name if the file has every layer. In some files of Keras, the numbers in layer names do
    not start at 0: then the order applies, and the layers of a truncated model come first.
    """
    if {spec_name(layer.name) for layer in layers} <= {name for name, _ in saved}:
        return replace(wanted, by_name=True), saved
    return wanted, saved[: len(layers)]


def _paired(layers: list[Any], count: int, skip: tuple[str, ...]) -> list[Any]:
    """The layers that a file with `count` layers belongs to: all, or all but the skipped ones."""
    if len(layers) == count:
        return layers
    return [layer for layer in layers if not covers(skip, spec_name(layer.name))]


def _arrays(tree: Groups, root: str, layer: str) -> list[Entry]:
    place = f"{root}/{layer}" if root else layer
    names = tree.texts(place, "weight_names") or ()
    return [entry for name in names if (entry := tree.entry(f"{place}/{name}")) is not None]


def _in_order(layer: Any, name: str, entries: list[Entry], skip: tuple[str, ...] = ()) -> Given:
    """The arrays of one layer, in the order in which Keras 2 lists weights: trainable ones first.

    A layer that was frozen when it was saved lists its weights in the order of creation. Skipped
    weights inside a sub-model are omitted.
    """
    orders = [_trainable_first(layer), list(layer.weights)]
    if len(orders[0]) != len(entries):
        return _other_count(layer, spec_name(layer.name), name, len(entries), len(orders[0]))
    fitting = [order for order in orders if _fits(order, entries)]
    best = max(fitting or orders[:1], key=lambda order: _alike(order, entries))
    skipped = _skipped(layer, skip)
    pairs = {
        str(index): (weight, entry)
        for index, (weight, entry) in enumerate(zip(best, entries, strict=True))
        if id(weight) not in skipped
    }
    return compared(layer, spec_name(layer.name), pairs, name)


def _of_model(model: keras.Model, entries: list[Entry]) -> Iterator[Given]:
    """The arrays of the weights that belong to no layer of a model."""
    weights, name = list(kept_by(model).values()) if entries else [], "the model itself"
    if not weights:
        return
    if len(weights) != len(entries):
        yield _other_count(model, "", name, len(entries), len(weights))
        return
    pairs = enumerate(zip(weights, entries, strict=True))
    yield compared(model, "", {str(index): pair for index, pair in pairs}, name)


def _other_count(owner: Any, path: str, name: str, stored: int, needed: int) -> Given:
    problem = f"the file has {stored} weights for it (`{name}`), and the model has {needed}"
    return Given(owner, path, problem=problem)


def _fits(order: list[Any], entries: list[Entry]) -> bool:
    """Whether every array has the shape of its weight."""
    pairs = zip(order, entries, strict=True)
    return all(entry.shape == tuple(weight.shape) for weight, entry in pairs)


def _skipped(layer: Any, skip: tuple[str, ...]) -> set[int]:
    """The weights inside a sub-model that are skipped, by identity."""
    inside = holders(layer, spec_name(layer.name)) if skip else ()
    return {
        id(weight) for place, _, kept in inside if covers(skip, place) for weight in kept.values()
    }


def _trainable_first(layer: Any) -> list[Any]:
    """The weights of a layer in the order in which they are listed if it is not frozen."""
    trainable = {
        id(weight) for one in layer._flatten_layers() for weight in one._trainable_variables
    }
    return sorted(layer.weights, key=lambda weight: id(weight) not in trainable)


def _alike(order: list[Any], entries: list[Entry]) -> int:
    """The number of arrays whose names match the weights at the same position."""
    return sum(
        name_of(weight) == spec_name(entry.name.rpartition("/")[2].partition(":")[0])
        for weight, entry in zip(order, entries, strict=True)
    )

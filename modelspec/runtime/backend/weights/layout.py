"""Matches the arrays of a file to the weights of a model, by the rules with which Keras wrote the
file.

HDF5 files have the layout of Keras 3, or that of Keras 1 and 2; safetensors files use the path of a
weight (`dense_1/kernel`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras

from modelspec.compiler.spec.initial_weights import covers

from ..hdf5.entry import Entry
from ..hdf5.process import Tree
from ..inner_names import spec_name
from .held_weights import Given, compared, full_names, holders
from .keras2_layout import by_order, layer_by_name
from .keras3_layout import Keras3Layout, has_names, in_groups, layer_in_group
from .layer_arrays import Groups
from .old_arrays import Origin
from .wanted import Wanted

__all__ = ["Given", "Wanted", "matched", "of_layer"]


def matched(file: Tree | dict[str, Entry], model: keras.Model, wanted: Wanted) -> list[Given]:
    """The arrays of the file for every part of the model with weights, except the skipped ones."""
    if wanted.names:
        return list(_by_names(file, model, wanted.names))
    by_name = wanted.by_name or bool(wanted.only)
    if isinstance(file, dict):
        found = _by_path(file, model)
    elif in_groups(file) or file.names("vars"):
        found = Keras3Layout(file, by_name and has_names(file)).visit(model)
    else:
        found = by_order(file, model, replace(wanted, by_name=by_name))
    kept = [given for given in found if _is_wanted(given.path, wanted)]
    if not wanted.only or wanted.by_name:
        return kept
    return [*kept, *_absent(model, wanted, {given.path for given in kept})]


def _is_wanted(path: str, wanted: Wanted) -> bool:
    chosen = not wanted.only or covers(wanted.only, path)
    return chosen and not covers(wanted.skip, path)


def _absent(model: keras.Model, wanted: Wanted, found: Container[str]) -> Iterator[Given]:
    """The wanted layers that the file does not have."""
    for path, owner, _ in holders(model, ""):
        if path not in found and _is_wanted(path, wanted):
            yield Given(owner, path, problem="the file does not contain a layer of this name")


def _by_path(file: Mapping[str, Entry], model: keras.Model) -> Iterator[Given]:
    """By the paths of weights in the names of the spec; a file may have them in the names of
    Keras, with or without the sub-models around a layer.
    """
    named = {spec_name(path): entry for path, entry in file.items()}
    names = full_names(model)
    for path, owner, kept in holders(model, ""):
        weights = {
            key: (weight, next((named[one] for one in names[id(weight)] if one in named), None))
            for key, weight in kept.items()
        }
        yield compared(owner, path, weights, None)


def _by_names(
    file: Tree | dict[str, Entry], model: keras.Model, names: Mapping[str, str]
) -> Iterator[Given]:
    """The weights that the spec names, each with its tensor."""
    full = full_names(model)
    by_name = {
        name: (owner, key, weight)
        for _, owner, kept in holders(model, "")
        for key, weight in kept.items()
        for name in full[id(weight)]
    }
    for name, tensor in names.items():
        owner, key, weight = by_name.get(name, (model, "", None))
        if weight is None:
            yield Given(owner, name, problem="the model has no such weight", tensor=tensor)
            continue
        entry = file.get(tensor) if isinstance(file, dict) else file.entry(tensor)
        if entry is None:
            problem = f"the file has no tensor `{tensor}`"
            yield Given(owner, name, problem=problem, tensor=tensor)
            continue
        yield replace(
            compared(owner, name, {key: (weight, entry)}, tensor), path=name, tensor=tensor
        )


def of_layer(
    tree: Groups, layer: Any, group: str, name: str, path: str, origin: Origin | None = None
) -> Iterator[Given]:
    """The arrays of the file for one layer, saved in `group` by Keras 3 or as `name` by Keras 1 and
    2. Messages show `path`. `origin` applies as far as the file does not contain its own.
    """
    if not in_groups(tree):
        yield replace(layer_by_name(tree, layer, name, origin), path=path)
        return
    for one in layer_in_group(tree, layer, group, path):
        yield replace(one, path=path)

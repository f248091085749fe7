"""Matches the arrays of a file to the weights of a model, by the rules with which Keras wrote the
file.

HDF5 files have the layout of Keras 3, or that of Keras 1 and 2; safetensors files use the path of a
weight (`dense_1/kernel`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras

from modelspec.compiler.spec.initial_weights import covers

from ..hdf5.entry import Entry
from ..hdf5.process import Tree
from ..inner_names import spec_name
from .held_weights import Given, compared, holders
from .keras2_layout import by_order, layer_by_name
from .keras3_layout import Keras3Layout, in_groups, layer_in_group
from .wanted import Wanted

__all__ = ["Given", "Wanted", "matched", "of_layer"]


def matched(file: Tree | dict[str, Entry], model: keras.Model, wanted: Wanted) -> list[Given]:
    """The arrays of the file for every part of the model with weights, except the skipped ones."""
    if isinstance(file, dict):
        found = _by_path(file, model)
    elif in_groups(file) or file.names("vars"):
        found = Keras3Layout(file, wanted.by_name).visit(model)
    else:
        found = by_order(file, model, wanted)
    return [given for given in found if not covers(wanted.skip, given.path)]


def _by_path(file: Mapping[str, Entry], model: keras.Model) -> Iterator[Given]:
    """By the paths of weights in the names of the spec; a file may have them in the names of
    Keras.
    """
    named = {spec_name(path): entry for path, entry in file.items()}
    for path, owner, kept in holders(model, ""):
        weights = {key: (weight, named.get(spec_name(weight.path))) for key, weight in kept.items()}
        yield compared(owner, path, weights, None)


def of_layer(tree: Tree, layer: Any, group: str, name: str, path: str) -> Iterator[Given]:
    """The arrays of the file for one layer, saved in `group` by Keras 3 or as `name` by Keras 1 and
    2. Messages show `path`.
    """
    if not in_groups(tree):
        yield replace(layer_by_name(tree, layer, name), path=path)
        return
    for one in layer_in_group(tree, layer, group, path):
        yield replace(one, path=path)

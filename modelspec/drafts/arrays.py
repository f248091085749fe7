"""The draft for named arrays: an npz or HDF5 file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from modelspec.runtime.data.table import Array

from .inputs import RESERVED, Names
from .networks import image_layers, sequence_layers, size_for, table_hidden
from .opening import Data
from .problem import NoDraft
from .profile import profiled
from .sample import sampled
from .sections import Draft, Parts, assembled
from .splits import random_split
from .targets import Target, chosen, output_name, target_of
from .trainings import expect_comment, target_entry, training_entries
from .writing import Entry, Written, group, item, keyed

_OF_TEST = re.compile(r"(?:^|[_/])(?:test|val|valid|validation)(?:$|[_/])", re.I)
_OF_TRAIN = re.compile(r"(?:^|[_/])train(?:$|[_/])", re.I)
_LABELS = re.compile(r"(?:^|[_/])(?:y|labels?|targets?|class(?:es)?)(?:$|[_/])", re.I)
_CHANNELS = (1, 3, 4)


def array_draft(data: Data, path: str, wanted: str | None, file: str) -> Draft:
    """The spec for open arrays that `path` names in the spec `file`. Raises `NoDraft`."""
    shown = PurePosixPath(path).name
    arrays, left_out = _aligned(data, shown, wanted)
    name, why = _target_name(list(arrays), arrays, wanted, shown)
    target = target_of(profiled(name, _single(arrays[name], name), data.table), why)
    features = {one: values for one, values in arrays.items() if one != name and _is_input(values)}
    if not features:
        raise NoDraft(f"`{shown}` has no array for the input beside the target `{name}`")
    used = max(features, key=lambda one: features[one].ndim)
    _check_finite(used, features[used])
    left_out += [f"`{one}`: this draft uses one array" for one in features if one != used]
    output = Names().new(output_name(target, RESERVED))
    rows = data.rows or len(arrays[used])
    inputs, layers, feature, images = _input(used, features[used], rows, target, output)
    parts = Parts(
        inputs=inputs,
        layers=layers,
        data=[
            keyed("source", {data.kind: path}),
            keyed("split", *random_split(target, rows)),
            group("inputs", [feature]),
            group("targets", [target_entry(target, data.kind, output)]),
        ],
        training=list(training_entries(target, rows, images=images)),
        expect=expect_comment(target),
    )
    heading = [f"{shown}: {rows:,} examples in `{used}`, each of shape {_shape(features[used])}."]
    summary = [f"target: `{name}` ({why})", *(f"left out: {one}" for one in left_out)]
    return assembled(file, heading, left_out, parts, summary, target)


def _check_finite(name: str, values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise NoDraft(
            f"the array `{name}` has NaN or infinite numbers",
            "training on them would turn the weights into NaN: replace them",
        )


def _shape(values: Array) -> list[int]:
    return [int(size) for size in values.shape[1:]] or [1]


# Which arrays -------------------------------------------------------------------------------------


def _aligned(data: Data, shown: str, wanted: str | None) -> tuple[dict[str, Array], list[str]]:
    """Samples of the arrays that have a row for each example, and which others are left out."""
    names = list(data.table.names)
    left_out = []
    if any(map(_OF_TRAIN.search, names)):
        tests = [one for one in names if _OF_TEST.search(one) and one != wanted]
        names = [one for one in names if one not in tests]
        left_out += [f"`{one}`: the training arrays are split instead" for one in tests]
    found: dict[str, Array] = {}
    for one in names:
        sample = sampled(data.table, (one,))
        found |= sample.columns
        left_out += [f"`{name}`: {reason}" for name, reason in sample.unreadable.items()]
    lengths = {name: len(values) for name, values in found.items()}
    common = _common_length(lengths, wanted)
    left_out += [
        f"`{name}`: it has {length:,} rows, the others {common:,}"
        for name, length in lengths.items()
        if length != common
    ]
    kept = {name: values for name, values in found.items() if lengths[name] == common}
    if len(kept) < 2 or not common:
        raise NoDraft(
            f"`{shown}` has no two arrays with the same number of examples",
            "a model requires an array of inputs and one of targets",
        )
    return kept, left_out


def _common_length(lengths: Mapping[str, int], wanted: str | None) -> int:
    """That of the target, otherwise the most frequent one."""
    if wanted is not None and wanted in lengths:
        return lengths[wanted]
    values = list(lengths.values())
    return max(values, key=lambda one: (values.count(one), one), default=0)


def _target_name(
    names: Sequence[str], arrays: Mapping[str, Array], wanted: str | None, shown: str
) -> tuple[str, str]:
    if wanted is not None:
        return chosen(names, wanted, shown)
    labels = [one for one in names if _LABELS.search(one)]
    if labels:
        return labels[0], "by its name"
    single = [one for one in names if arrays[one].ndim == 1]
    if single:
        return single[-1], "the last array with one value per example"
    raise NoDraft(f"`{shown}` has no array with one value per example", "name it with --target")


def _single(values: Array, name: str) -> Array:
    """A target of one value per example."""
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim > 1:
        raise NoDraft(
            f"the target `{name}` has {list(values.shape[1:])} values per example, not one",
            "save class numbers or single numbers, or write the spec by hand",
        )
    return values


def _is_input(values: Array) -> bool:
    return values.dtype.kind in "biuf" and values.ndim >= 1


# The input ----------------------------------------------------------------------------------------


def _input(
    name: str, values: Array, rows: int, target: Target, output: str
) -> tuple[list[Entry], list[Entry], Entry, bool]:
    """Its declaration, the layers of the model, how it is prepared, and whether it has images."""
    key = Names([output]).new(name)
    shape = _shape(values)
    column = keyed("column", name)
    if _are_images(values):
        scale = _white(values)
        transform = keyed("transform", [{"Rescaling": Written(f"$(1 / {scale})")}], "from 0 to 1")
        layers = [] if len(shape) == 3 else [item({"Reshape": [*shape, 1]}, "one channel")]
        layers += image_layers(shape[0], shape[1], rows, target, output)
        entries = [column, transform] if scale != 1 else [column]
        return [keyed(key, shape)], layers, group(key, entries), True
    why = "mean 0, deviation 1 in the training part"
    feature = group(key, [column, keyed("transform", ["Normalization"], why)])
    if len(shape) == 1:
        layers = table_hidden(size_for(rows, shape[0]), target, output)
    elif len(shape) == 2:
        layers = sequence_layers(target, output)
    else:
        layers = [item("Flatten"), *table_hidden(size_for(rows, 1000), target, output)]
    return [keyed(key, shape)], layers, feature, False


def _are_images(values: Array) -> bool:
    """Whether examples are images: bytes, or numbers from 0 to 1 or 255, with height and width."""
    shape = values.shape[1:]
    if len(shape) not in (2, 3) or min(shape[:2]) < 8:
        return False
    if len(shape) == 3:
        return shape[2] in _CHANNELS
    return values.dtype == np.uint8


def _white(values: Array) -> int:
    """The value of a white pixel."""
    most = float(np.max(values)) if values.size else 1.0
    return 1 if most <= 1 else 255 if most <= 255 else 65535

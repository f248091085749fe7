"""Arrays of Keras 1 and 2 in the form of the weights of Keras 3: joined gates, kernels with their
axes in another order, kernels that Theano flipped, and recurrent layers of cuDNN.

Nothing is read here: each array becomes another one that is computed when it is read. Source: the
conversion that Keras 2.2.4 did when it loaded files of Keras 1, of Theano and of cuDNN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np

from ..hdf5.entry import Array, Entry
from .layer_arrays import Groups

_CONVOLUTIONS: Final = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")
_GATES: Final = {"LSTM": (0, 2, 1, 3), "ConvLSTM2D": (0, 2, 1, 3), "GRU": (0, 1, 2)}
"""The order in which Keras 1 stored the gates, by their place in a weight of today."""
_WITH_DEVIATIONS: Final = tuple(f"1.0.{patch}" for patch in range(6))
_LAST: Final = {2: (2, 3, 1, 0), 3: (2, 3, 4, 1, 0)}
"""The axes of a kernel of Keras 1 with `channels_first`, by the rank of the convolution."""


@dataclass(frozen=True)
class Origin:
    """The program that wrote a file."""

    backend: str = ""
    """`theano`, `tensorflow`, `cntk`; empty if it is not known."""
    version: str = ""
    """Of Keras; empty if it is not known: then it is Keras 1, as later versions write it."""

    @property
    def is_keras_1(self) -> bool:
        """Whether arrays have the form of Keras 1."""
        return self.version.partition(".")[0] in ("", "1")

    @property
    def keeps_deviations(self) -> bool:
        """Whether `BatchNormalization` kept standard deviations: in Keras 1.0.0 to 1.0.5."""
        return self.version in _WITH_DEVIATIONS


def origin_of(tree: Groups, root: str, other: Origin | None = None) -> Origin:
    """The origin of a file of Keras 1 or 2, whose layers are in the group `root`; as far as the
    file does not contain it, that of the architecture beside it.
    """
    other = other or Origin()
    return Origin(
        _stated(tree, root, "backend") or other.backend,
        _stated(tree, root, "keras_version") or other.version,
    )


def _stated(tree: Groups, root: str, attribute: str) -> str:
    found = (tree.text(place, attribute) for place in dict.fromkeys((root, "")))
    return next((text for text in found if text), "")


def as_of_now(layer: Any, entries: Sequence[Entry], origin: Origin) -> list[Entry]:
    """The arrays of one layer in the form of its weights; those in no known form as they are."""
    found = list(entries)
    if isinstance(layer, keras.layers.Bidirectional):
        half = len(found) // 2
        first = as_of_now(layer.forward_layer, found[:half], origin)
        return first + as_of_now(layer.backward_layer, found[half:], origin)
    if isinstance(layer, keras.layers.TimeDistributed):
        return as_of_now(layer.layer, found, origin)
    if isinstance(layer, keras.Model):
        return _of_model(layer, found, origin)
    kind = type(layer).__name__
    if origin.is_keras_1:
        found = _of_keras_1(kind, layer, found)
    if kind == "BatchNormalization" and origin.keeps_deviations and len(found) == 4:
        found = [*found[:3], _squared(found[3], layer.epsilon)]
    if kind in _CONVOLUTIONS and origin.backend == "theano":
        found = [_flipped(one) if one.shape[2:] else one for one in found]
    return _from_cudnn(kind, layer, found)


def _of_model(model: Any, entries: list[Entry], origin: Origin) -> list[Entry]:
    """The arrays of a model in a model: those of its trainable weights, then the others."""
    found: list[Entry] = []
    place = 0
    for weights_of in (_trained, _not_trained):
        for layer in model.layers:
            count = len(weights_of(layer))
            part = entries[place : place + count]
            found.extend(as_of_now(layer, part, origin) if weights_of is _trained else part)
            place += count
    return found + entries[place:]


def _trained(layer: Any) -> list[Any]:
    return [weight for one in layer._flatten_layers() for weight in one._trainable_variables]


def _not_trained(layer: Any) -> list[Any]:
    trained = {id(weight) for weight in _trained(layer)}
    return [weight for weight in layer.weights if id(weight) not in trained]


# Keras 1 ------------------------------------------------------------------------------------------


def _of_keras_1(kind: str, layer: Any, entries: list[Entry]) -> list[Entry]:
    gates = _GATES.get(kind)
    if gates is not None and len(entries) == 3 * len(gates):
        entries = [_joined([entries[3 * gate + which] for gate in gates]) for which in range(3)]
    if kind not in _CONVOLUTIONS or not entries:
        return entries
    is_first = layer.data_format == "channels_first"
    if kind == "ConvLSTM2D":
        return [_moved(one, _LAST[2]) if is_first else one for one in entries[:2]] + entries[2:]
    return [_kernel(kind, layer, entries[0], is_first), *entries[1:]]


def _kernel(kind: str, layer: Any, entry: Entry, is_first: bool) -> Entry:
    """The kernel of a convolution."""
    if kind == "Conv1D":
        return _of_one_axis(layer, entry)
    if kind == "Conv2DTranspose":
        return _moved(entry, (2, 3, 0, 1) if is_first else (0, 1, 3, 2))
    axes = _LAST.get(len(entry.shape) - 2)
    return _moved(entry, axes) if is_first and axes else entry


def _of_one_axis(layer: Any, entry: Entry) -> Entry:
    """The kernel of a `Conv1D`, which Keras 1 stored as one with two axes."""
    if len(entry.shape) != 4:
        return entry
    size = layer.kernel_size[0]
    if entry.shape[:2] != (size, 1) or entry.shape[3] != layer.filters:
        entry = _moved(entry, (2, 3, 1, 0))
    shape = (entry.shape[0], *entry.shape[2:])
    return _changed(entry, shape, lambda kernel: kernel[:, 0]) if entry.shape[1] == 1 else entry


# CuDNN --------------------------------------------------------------------------------------------


def _from_cudnn(kind: str, layer: Any, entries: list[Entry]) -> list[Entry]:
    """The arrays of a `CuDNNLSTM` or `CuDNNGRU`, which have two biases for each gate."""
    count = {"LSTM": 4, "GRU": 3}.get(kind, 0)
    if not count or len(entries) != 3 or entries[2].shape != (2 * count * layer.units,):
        return entries

    def turned(kernel: Array) -> Array:
        parts = np.split(kernel, count, axis=1)
        return np.hstack([part.T.reshape(part.shape, order="F") for part in parts])

    def crossed(kernel: Array) -> Array:
        return np.hstack([part.T for part in np.split(kernel, count, axis=1)])

    def bias(values: Array) -> Array:
        both = values.reshape(2, -1)
        return both if kind == "GRU" else both.sum(axis=0)

    shape = (count * layer.units,)
    return [
        _changed(entries[0], entries[0].shape, turned),
        _changed(entries[1], entries[1].shape, crossed),
        _changed(entries[2], (2, *shape) if kind == "GRU" else shape, bias),
    ]


# Arrays -------------------------------------------------------------------------------------------


def _changed(entry: Entry, shape: tuple[int, ...], change: Callable[[Array], Array]) -> Entry:
    """An array that is computed from one of the file."""
    return Entry(entry.name, shape, lambda: np.ascontiguousarray(change(entry.read())))


def _moved(entry: Entry, axes: tuple[int, ...]) -> Entry:
    """The array with its axes in another order; unchanged if it has another number of axes."""
    if len(entry.shape) != len(axes):
        return entry
    shape = tuple(entry.shape[axis] for axis in axes)
    return _changed(entry, shape, lambda values: np.transpose(values, axes))


def _flipped(entry: Entry) -> Entry:
    """A kernel with all axes but the last two in reverse: Theano convolves, TensorFlow
    correlates.
    """
    axes = tuple(range(len(entry.shape) - 2))
    return _changed(entry, entry.shape, lambda values: np.flip(values, axes))


def _squared(entry: Entry, epsilon: float) -> Entry:
    """The variances for which `sqrt(variance + epsilon)` is `deviation + epsilon`."""
    return _changed(entry, entry.shape, lambda values: (values + epsilon) ** 2 - epsilon)


def _joined(entries: Sequence[Entry]) -> Entry:
    """The arrays of all gates, along the last axis."""
    first = entries[0]
    if any(one.shape[:-1] != first.shape[:-1] or not one.shape for one in entries):
        return first  # which does not fit, and is reported with its shape
    shape = (*first.shape[:-1], sum(one.shape[-1] for one in entries))
    return Entry(
        first.name, shape, lambda: np.concatenate([one.read() for one in entries], axis=-1)
    )

"""Layers that prepare data, run by Keras on blocks of examples: applied, and what is to be learned
for them learned.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import IntegerLookup, Lookup
from modelspec.catalog.layers.standardize import Normalization
from modelspec.catalog.layers.text_vectorization import TextVectorization
from modelspec.core.shapes import Tensor, erase

from .errors import RunError
from .table import Array

_ROWS = 64
"""Blocks are run in multiples of so many rows. A processor computes some functions for many numbers
at once, and for the few that are left over otherwise, to another last bit: so none is left over,
and a row's result follows from it alone.
"""


def load_keras() -> None:
    """Loads Keras on TensorFlow, quietly."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras  # noqa: F401


class Runner:
    """Applies layers that have nothing left to learn. `types` are those that each layer gets."""

    def __init__(self, layers: Sequence[Layer], types: Sequence[Tensor]) -> None:
        self._layers = [_keras(layer, given) for layer, given in zip(layers, types, strict=False)]

    @property
    def layers(self) -> list[Any]:
        """The layers in Keras."""
        return self._layers

    def __call__(self, values: Array) -> Array:
        """The result for every example. Raises `RunError` (MS635) where Keras cannot compute it."""
        if not self._layers:
            return values
        rest = -len(values) % _ROWS
        whole = np.concatenate([values, np.repeat(values[-1:], rest, axis=0)]) if rest else values
        import tensorflow as tf

        try:
            with tf.device("CPU:0"):
                x = to_tensor(whole)
                for layer in self._layers:
                    x = layer(x)
        except Exception as error:  # Keras and TensorFlow raise anything
            raise failed(error) from error
        found: Array = np.asarray(x)[: len(values)]
        return _decoded(found)


def to_tensor(values: Array) -> Any:
    """Numbers as they are, text as a tensor of strings."""
    import tensorflow as tf

    return (
        tf.constant(values, tf.string)
        if values.dtype.kind in "OUS"
        else tf.convert_to_tensor(values)
    )


def _decoded(values: Array) -> Array:
    if values.dtype.kind not in "OS":
        return values
    texts = [
        item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in values.flat
    ]
    return np.array(texts, dtype=object).reshape(values.shape)


def _keras(layer: Layer, given: Tensor) -> Any:
    from ..backend.convert import to_keras

    if isinstance(layer, Expression):
        import keras

        from ..backend.formulas import expression_model

        name = layer.arguments[0].name
        return expression_model(
            layer,
            "prepared",
            {name: keras.Input(batch_shape=erase(given.shape), dtype=given.dtype)},
        )
    return to_keras(layer)


def failed(error: Exception) -> RunError:
    """What Keras said, in a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    return RunError.of("MS635", f"the data cannot be prepared: {said[:300]}")


# Learning -----------------------------------------------------------------------------------------


def needs_adapting(layer: Layer) -> bool:
    """Whether something about a layer follows from the data, or from a file of tokens."""
    if isinstance(layer, Normalization):
        return layer.mean is None
    if isinstance(layer, (Lookup, TextVectorization)):
        return not isinstance(layer.vocabulary, tuple) or _width_open(layer)
    return isinstance(layer, Discretization) and layer.bin_boundaries is None


def from_file(layer: Layer) -> Mapping[str, Any] | None:
    """The tokens of a file that `vocabulary` names. Raises `RunError` (MS601) where it cannot be
    read.
    """
    vocabulary = getattr(layer, "vocabulary", None)
    if not isinstance(vocabulary, (str, Path)):
        return None
    try:
        lines = Path(vocabulary).read_text(encoding="utf-8").splitlines()
        tokens: list[Any] = (
            [int(line) for line in lines] if isinstance(layer, IntegerLookup) else lines
        )
    except (OSError, ValueError) as error:
        raise RunError.of(
            "MS601",
            f"the tokens of `{vocabulary}` cannot be read: {error}",
            help="write one token on each line, in UTF-8",
        ) from None
    return {"vocabulary": tuple(tokens)}


def _width_open(layer: Layer) -> bool:
    return (
        isinstance(layer, TextVectorization)
        and layer.lookup.mode == "int"
        and layer.output_sequence_length is None
    )


class LayerAdapter:
    """Learns one layer from blocks of what it gets. `settings` are the settings that follow."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        self.layer = layer
        self.given = given

    def update(self, values: Array) -> None:
        raise NotImplementedError

    def settings(self) -> Mapping[str, Any]:
        raise NotImplementedError


def adapter_of(layer: Layer, given: Tensor) -> LayerAdapter:
    """What learns the layer."""
    if isinstance(layer, Normalization):
        return _Moments(layer, given)
    if isinstance(layer, Discretization):
        return _Boundaries(layer, given)
    if isinstance(getattr(layer, "vocabulary"), tuple):  # noqa: B009
        return _Width(layer, given)
    return _Vocabulary(layer, given)


class _Moments(LayerAdapter):
    """Mean and variance along all axes but `axis`, in float64 (the parallel algorithm of Chan,
    Golub and LeVeque).
    """

    def __init__(self, layer: Normalization, given: Tensor) -> None:
        super().__init__(layer, given)
        axes = (
            ()
            if layer.axis is None
            else (layer.axis,)
            if isinstance(layer.axis, int)
            else layer.axis
        )
        self._kept = sorted(axis % given.rank for axis in axes)
        self._over = tuple(axis for axis in range(given.rank) if axis not in self._kept)
        self._count = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0

    def update(self, values: Array) -> None:
        numbers = values.astype(np.float64)
        count = int(np.prod([numbers.shape[axis] for axis in self._over]))
        mean = numbers.mean(axis=self._over, keepdims=True)
        squares = np.square(numbers - mean).sum(axis=self._over)
        mean = mean.reshape([numbers.shape[axis] for axis in self._kept])
        whole = self._count + count
        shift = mean - self._mean
        self._squares = self._squares + squares + np.square(shift) * (self._count * count / whole)
        self._mean = self._mean + shift * (count / whole)
        self._count = whole

    def settings(self) -> Mapping[str, Any]:
        return {"mean": _numbers(self._mean), "variance": _numbers(self._squares / self._count)}


def _numbers(values: Any) -> Any:
    """As tuples of what float32 keeps: the layer computes in it."""
    return _tupled(np.asarray(values, np.float32).tolist())


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


class _Keras(LayerAdapter):
    """A layer that Keras adapts, block by block."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        super().__init__(layer, given)
        self._keras = _keras(layer, given)
        self._keras.reset_state()

    def update(self, values: Array) -> None:
        import tensorflow as tf

        try:
            with tf.device("CPU:0"):
                self._keras.update_state(self._as_taken(values))
        except Exception as error:
            raise failed(error) from error

    def _as_taken(self, values: Array) -> Any:
        return to_tensor(values)


class _Vocabulary(_Keras):
    """The tokens of a lookup, the most frequent first."""

    def _as_taken(self, values: Array) -> Any:
        alone = isinstance(self.layer, Lookup) and values.ndim == 1
        return to_tensor(
            values[:, None] if alone else values
        )  # Keras takes a vector for one document

    def settings(self) -> Mapping[str, Any]:
        self._keras.finalize_state()
        found = self._keras.get_vocabulary(include_special_tokens=False)
        whole = isinstance(self.layer, IntegerLookup)
        tokens = tuple(int(token) if whole else str(token) for token in found)
        if not tokens:
            raise RunError.of(
                "MS635",
                f"`{self.layer.kind()}` finds nothing in the training split to learn",
                help="is the column empty?",
            )
        known: dict[str, Any] = {"vocabulary": tokens}
        if getattr(self.layer, "output_mode") in ("tf_idf", "tf-idf"):  # noqa: B009
            lookup = getattr(self._keras, "_lookup_layer", self._keras)
            start = lookup._token_start_index()
            known["idf_weights"] = tuple(
                lookup.idf_weights.numpy()[start : start + len(tokens)].tolist()
            )
        return known


class _Boundaries(_Keras):
    """The edges of bins that hold about as many values each."""

    def _as_taken(self, values: Array) -> Any:
        return values

    def settings(self) -> Mapping[str, Any]:
        self._keras.finalize_state()
        return {
            "bin_boundaries": tuple(float(edge) for edge in self._keras.bin_boundaries),
            "num_bins": None,
        }


class _Width(LayerAdapter):
    """How many tokens the longest text has, which all others are filled up to."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        super().__init__(layer, given)
        self._run = Runner([layer], [given])
        self._width = 1

    def update(self, values: Array) -> None:
        self._width = max(self._width, self._run(values).shape[1])

    def settings(self) -> Mapping[str, Any]:
        return {
            "vocabulary": getattr(self.layer, "vocabulary"),  # noqa: B009  # a field of lookups alone
            "output_sequence_length": self._width,
        }

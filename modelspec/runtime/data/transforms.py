"""Layers that prepare data, run on blocks of examples: in float64, independently for each example.

`learning.py` learns their state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.image import Rescaling
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import IntegerLookup, Lookup
from modelspec.catalog.layers.plugin_transform import Transform
from modelspec.catalog.layers.standardize import Normalization
from modelspec.catalog.layers.text_vectorization import TextVectorization
from modelspec.catalog.layers.tokenizers import Tokenizer
from modelspec.core.shapes import Tensor, erase

from ..backend.process_state import import_keras
from .errors import RunError
from .float_layers import Apply, computed_here
from .table import Array

_COLORS: Final = re.compile("\x1b\\[[0-9;]*m")
"""Marks of terminals in the messages of Keras."""

_ROWS = 64
"""Blocks are run in multiples of so many rows. Vectorized and scalar code of a processor may differ
in the last bit: with full blocks no row uses scalar code, and the result of a row depends on that
row alone.
"""


_ENTRIES = 2**22
"""The numbers that are prepared at once, unless an example has more."""
_FACTORS = ("scale", "offset")


def load_keras() -> None:
    """Loads Keras on TensorFlow, quietly."""
    import_keras()


class Runner:
    """Applies layers with nothing left to learn. `types` are the types of their inputs.

    Large examples are processed a few at a time; with `final`, their results are kept in that dtype
    rather than in float64.
    """

    def __init__(
        self, layers: Sequence[Layer], types: Sequence[Tensor], final: str | None = None
    ) -> None:
        self._pairs = list(zip(layers, types, strict=False))
        self._final = final
        self._steps = [_step(layer, given) for layer, given in self._pairs]

    @cached_property
    def layers(self) -> list[Any]:
        """The Keras layers, for a graph. Their constants are in float64."""
        return [in_keras(layer, given) for layer, given in self._pairs]

    def __call__(self, values: Array) -> Array:
        """The result for every example. Raises `RunError` (MS635) if Keras cannot compute it."""
        if not self._steps:
            return values
        size = _ROWS * max(1, _ENTRIES // (_ROWS * max(1, int(np.prod(values.shape[1:])))))
        if len(values) <= size:
            return self._run(values)
        narrow = self._final == "float32" and values.ndim > 2
        parts: list[Array] = []
        for start in range(0, len(values), size):
            part = self._run(values[start : start + size])
            parts.append(part.astype(np.float32) if narrow and part.dtype == np.float64 else part)
        return np.concatenate(parts)

    def _run(self, values: Array) -> Array:
        rest = -len(values) % _ROWS
        x = np.concatenate([values, np.repeat(values[-1:], rest, axis=0)]) if rest else values
        try:
            for step in self._steps:
                x = step(x)
        except RunError:  # of a transform of a plugin
            raise
        except Exception as error:  # Keras and TensorFlow raise any exception
            raise failed(error) from error
        return x[: len(values)]


def _step(layer: Layer, given: Tensor) -> Apply:
    """Computes a layer for a block of examples."""
    return computed_here(layer, given) or _ByKeras(layer, given)


class _ByKeras:
    """A layer that Keras computes; in float32 if TensorFlow cannot compute it in float64."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        self._layer = layer
        self._given = given
        self._call = self._made(layer)
        self._tried = False

    def _made(self, layer: Layer) -> Any:
        made = in_keras(layer, self._given)
        return _each_alone(made) if layer.one_at_a_time else made

    def __call__(self, values: Array) -> Array:
        if self._tried or self._layer.dtype != "float64":
            return self._computed(values)
        import tensorflow as tf

        self._tried = True
        try:
            return self._computed(values)
        except (tf.errors.OpError, TypeError, ValueError):
            self._call = self._made(self._layer.model_copy(update={"dtype": "float32"}))
            return self._computed(values)

    def _computed(self, values: Array) -> Array:
        import tensorflow as tf

        with tf.device("CPU:0"):
            return _decoded(np.asarray(self._call(to_tensor(values))))


def _each_alone(layer: Any) -> Callable[[Any], Any]:
    """The layer, called with one example at a time."""
    import tensorflow as tf

    alone = tf.function(lambda x: layer(x), reduce_retracing=True)
    return lambda whole: tf.concat([alone(whole[i : i + 1]) for i in range(len(whole))], axis=0)


def to_tensor(values: Array) -> Any:
    """Numbers unchanged, strings as a tensor of strings."""
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


def in_keras(layer: Layer, given: Tensor) -> Any:
    """The Keras layer. Numbers of `Normalization` and `Rescaling` are passed in float64, as Keras
    rounds Python numbers to float32.
    """
    from ..backend.convert import to_keras

    if isinstance(layer, Normalization) and layer.mean is not None:
        known = {name: np.asarray(getattr(layer, name), np.float64) for name in layer.adapts}
        return to_keras(layer, **known)
    if isinstance(layer, Rescaling):
        factors = {name: np.asarray(getattr(layer, name), np.float64) for name in _FACTORS}
        return to_keras(layer, **factors)
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
    """Keras's error in one sentence."""
    lines = [line.strip() for line in _COLORS.sub("", str(error)).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]
    said = lines[0] if lines else type(error).__name__
    return RunError.of("MS635", f"the data cannot be prepared: {said[:300]}")


# Learning -----------------------------------------------------------------------------------------


def needs_adapting(layer: Layer) -> bool:
    """Whether anything about a layer depends on the data, or on a file of tokens."""
    if isinstance(layer, Transform):
        return layer.is_learned and not layer.is_adapted
    if isinstance(layer, Expression):
        return bool(layer.unlearned)
    if isinstance(layer, Tokenizer):
        return not layer.is_adapted or layer.length is None
    if isinstance(layer, Normalization):
        return layer.mean is None
    if isinstance(layer, (Lookup, TextVectorization)):
        return not isinstance(layer.vocabulary, tuple) or _width_open(layer)
    return isinstance(layer, Discretization) and layer.bin_boundaries is None


def from_file(layer: Layer) -> Mapping[str, Any] | None:
    """The tokens of a file in `vocabulary`, or the tokenizer in `file`. Raises `RunError` (MS601,
    MS690) if it cannot be read.
    """
    if isinstance(layer, Tokenizer):
        from .tokenizers import from_json  # it imports a module that imports this one

        return from_json(layer)
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
            f"the vocabulary file `{vocabulary}` cannot be read: {error}",
            help="write one token per line, in UTF-8",
        ) from None
    return {"vocabulary": tuple(tokens)}


def _width_open(layer: Layer) -> bool:
    return (
        isinstance(layer, TextVectorization)
        and layer.lookup.mode == "int"
        and layer.output_sequence_length is None
    )

"""Adapts the layers of a transform to the training rows, block by block, in float64.

All entries of the input of a layer count, except those that `pad` has filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelspec.catalog.formula.learned import LearnedFormula
from modelspec.catalog.formula.tree import Call, listed
from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.catalog.layers.lookup import IntegerLookup, Lookup
from modelspec.catalog.layers.plugin_transform import Transform
from modelspec.catalog.layers.standardize import Normalization
from modelspec.catalog.layers.tokenizers import Tokenizer
from modelspec.core.shapes import Tensor

from .errors import RunError
from .float_layers import kept_axes
from .moments import EvenBlocks, Moments, Total
from .quantiles import Quantiles
from .table import Array
from .transforms import Runner, failed, in_keras, to_tensor


class LayerAdapter:
    """Adapts one layer to blocks of its input. `settings` returns the learned settings."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        self.layer = layer
        self.given = given

    def update(self, values: Array, real: Array | None) -> None:
        """Adds rows, and which of their entries count; None: all."""
        raise NotImplementedError

    def settings(self) -> Mapping[str, Any] | None:
        """The learned settings; None where another pass over the rows is required."""
        raise NotImplementedError


def adapter_of(
    layer: Layer, given: Tensor, *, in_order: bool = False, marks: tuple[str, ...] = ()
) -> LayerAdapter:
    """The adapter of the layer. With `in_order`, the tokens of a lookup are sorted; the tokens of
    text vectorization keep the order of Keras. `marks` are special tokens of other features that
    share a vocabulary.
    """
    if isinstance(layer, Transform):
        from .plugin_transform import PluginAdapter  # it imports this module

        return PluginAdapter(layer, given)
    if isinstance(layer, Tokenizer):
        from .tokenizer_learning import tokenizer_adapter  # it imports this module

        return tokenizer_adapter(layer, given, marks)
    if isinstance(layer, Normalization):
        return _Moments(layer, given)
    if isinstance(layer, Discretization):
        return _Boundaries(layer, given)
    if isinstance(layer, Expression):
        return _Statistics(layer, given)
    if isinstance(getattr(layer, "vocabulary"), tuple):  # noqa: B009  # a field of lookups alone
        return _Width(layer, given)
    return _Vocabulary(layer, given, in_order=in_order and isinstance(layer, Lookup))


class _Moments(LayerAdapter):
    """Mean and variance over all axes except `axis`."""

    def __init__(self, layer: Normalization, given: Tensor) -> None:
        super().__init__(layer, given)
        kept = kept_axes(layer, given.rank)
        self._moments = Moments(tuple(axis for axis in range(given.rank) if axis not in kept))
        self._blocks = EvenBlocks(self._moments.add)

    def update(self, values: Array, real: Array | None) -> None:
        self._blocks.add(values, real)

    def settings(self) -> Mapping[str, Any]:
        self._blocks.finish()
        found = self._moments
        return {
            "mean": _numbers(found.mean, found.over),
            "variance": _numbers(found.variance, found.over),
        }


def _numbers(values: Any, over: tuple[int, ...] = ()) -> Any:
    """A number, or nested tuples of numbers, without the reduced axes."""
    return _tupled(np.squeeze(np.asarray(values, np.float64), over).tolist())


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


class _Boundaries(LayerAdapter):
    """The edges of bins with about the same number of values each: the quantiles i / num_bins of
    all values, as in `numpy.quantile`.
    """

    def __init__(self, layer: Discretization, given: Tensor) -> None:
        super().__init__(layer, given)
        bins = layer.num_bins or 1
        self._quantiles = Quantiles(np.arange(1, bins) / bins)

    def update(self, values: Array, real: Array | None) -> None:
        self._quantiles.add(values if real is None else values[real])

    def settings(self) -> Mapping[str, Any] | None:
        try:
            if not self._quantiles.finish():
                return None
        except ValueError:
            raise _nothing(self.layer) from None
        found = self._quantiles.found
        assert found is not None
        return {"bin_boundaries": tuple(found.tolist()), "num_bins": None}


def _nothing(layer: Layer) -> RunError:
    return RunError.of(
        "MS635",
        f"`{layer.kind()}` has no values in the training split to learn from",
        help="check whether the column is empty, or a layer before it leaves nothing",
    )


# Statistics ---------------------------------------------------------------------------------------


class _Statistics(LayerAdapter):
    """The values of the formulas under `learned`, computed over all rows."""

    def __init__(self, layer: Expression, given: Tensor) -> None:
        super().__init__(layer, given)
        self.name = layer.arguments[0].name
        inputs = Inputs({self.name: given})
        self._parts = {name: layer.statistics(name, inputs) for name in layer.unlearned}
        self._found = {
            id(node): _COLLECTED[node.function](part.axes[id(node)])
            for part in self._parts.values()
            for node in part.statistics
        }
        self._blocks = EvenBlocks(self._add)

    def update(self, values: Array, real: Array | None) -> None:
        self._blocks.add(values, real)

    def _add(self, values: Array, real: Array | None) -> None:
        from ..backend.formulas import computed

        for part in self._parts.values():
            for node in part.statistics:
                rows = listed(node.tensors["x"])[0]
                operand = computed(rows, {self.name: values}, part.dtypes)
                self._found[id(node)].add(operand, _of_steps(real, operand))

    def settings(self) -> Mapping[str, Any]:
        self._blocks.finish()
        known = dict(getattr(self.layer, "learned"))  # noqa: B009  # a field of Expression alone
        return {"learned": {**known, **{name: self._value(name) for name in self._parts}}}

    def _value(self, name: str) -> Any:
        from ..backend.formulas import computed

        part: LearnedFormula = self._parts[name]
        formula = getattr(self.layer, "learned")[name]  # noqa: B009  # a field of Expression alone
        values = {id(node): self._statistic(node) for node in part.statistics}
        found = np.asarray(computed(formula.root, {}, part.dtypes, values), np.float64)
        if not np.isfinite(found).all():
            raise RunError.of(
                "MS635",
                f"`{formula}`, which `{self.layer.kind()}` learns, is not a finite number",
                help="check for a division by 0, or the logarithm of a negative number",
            )
        return _numbers(found)

    def _statistic(self, node: Call) -> Array:
        collected = self._found[id(node)]
        found = _RESULTS[node.function](collected)
        return found if node.settings["keepdims"] else np.squeeze(found, collected.over)


_COLLECTED: Mapping[str, Callable[[tuple[int, ...]], Any]] = {
    "mean": Moments,
    "var": Moments,
    "std": Moments,
    "sum": lambda over: Total(over, np.add, 0.0),
    "min": lambda over: Total(over, np.minimum, np.inf),
    "max": lambda over: Total(over, np.maximum, -np.inf),
}
"""The accumulator of each statistic."""
_RESULTS: Mapping[str, Callable[[Any], Array]] = {
    "mean": lambda found: found.mean,
    "var": lambda found: found.variance,
    "std": lambda found: np.sqrt(found.variance),
    "sum": lambda found: found.value,
    "min": lambda found: found.value,
    "max": lambda found: found.value,
}


def _of_steps(real: Array | None, operand: Array) -> Array | None:
    """Which entries of a value computed from rows count."""
    if real is None or operand.shape[: real.ndim] == real.shape:
        return _filled_out(real, operand)
    steps = np.asarray(real.reshape(*real.shape[:2], -1).any(axis=-1))
    return _filled_out(steps if operand.shape[:2] == steps.shape else None, operand)


def _filled_out(real: Array | None, operand: Array) -> Array | None:
    if real is None:
        return None
    return np.broadcast_to(
        real.reshape(*real.shape, *(1,) * (operand.ndim - real.ndim)), operand.shape
    )


# Tokens -------------------------------------------------------------------------------------------


class _Vocabulary(LayerAdapter):
    """The tokens of a lookup as learned by Keras: most frequent first, or sorted (`in_order`)."""

    def __init__(self, layer: Layer, given: Tensor, *, in_order: bool) -> None:
        super().__init__(layer, given)
        self._in_order = in_order
        self._keras = in_keras(layer, given)
        self._keras.reset_state()

    def update(self, values: Array, real: Array | None) -> None:
        import tensorflow as tf

        if real is not None and not real.any():
            return
        try:
            with tf.device("CPU:0"):
                self._keras.update_state(self._as_taken(values, real))
        except Exception as error:
            raise failed(error) from error

    def _as_taken(self, values: Array, real: Array | None) -> Any:
        import tensorflow as tf

        if real is not None and isinstance(self.layer, Lookup):
            rows = values.reshape(len(values), -1)
            marks = tf.constant(real.reshape(rows.shape))
            return tf.ragged.boolean_mask(to_tensor(rows), marks)
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
            raise _nothing(self.layer)
        places = sorted(range(len(tokens)), key=lambda place: tokens[place])
        if not self._in_order:
            places = list(range(len(tokens)))
        known: dict[str, Any] = {"vocabulary": tuple(tokens[place] for place in places)}
        if getattr(self.layer, "output_mode") in ("tf_idf", "tf-idf"):  # noqa: B009  # as above
            lookup = getattr(self._keras, "_lookup_layer", self._keras)
            start = lookup._token_start_index()
            weights = lookup.idf_weights.numpy()[start : start + len(tokens)].tolist()
            known["idf_weights"] = tuple(weights[place] for place in places)
        return known


class _Width(LayerAdapter):
    """The number of tokens in the longest text, to which all others are padded."""

    def __init__(self, layer: Layer, given: Tensor) -> None:
        super().__init__(layer, given)
        self._run = Runner([layer], [given])
        self._width = 1

    def update(self, values: Array, real: Array | None) -> None:
        self._width = max(self._width, self._run(values).shape[1])

    def settings(self) -> Mapping[str, Any]:
        return {
            "vocabulary": getattr(self.layer, "vocabulary"),  # noqa: B009  # a field of lookups alone
            "output_sequence_length": self._width,
        }

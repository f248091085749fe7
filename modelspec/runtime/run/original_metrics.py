"""Metrics in the unit of a target's column, for targets trained in another unit: predictions are
converted back, and compared with the values of the column in float64.

They are computed like Keras's metrics of the same names: the mean over the units of a value, then
over the values that count, with their weights in `weighted_metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelspec.catalog.components import log_name
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Training
from modelspec.core.settings import Settings

from ..data import Part
from ..data.adapted_state import FeatureState, State
from ..data.columns import Bound, binding_of
from ..data.table import Array, Table
from ..data.target_inverse import has_inverse, inverse
from ..data.written_numbers import read_numbers
from .decisions import decisions, target_layers

if TYPE_CHECKING:
    import keras

    from ..data.batches import Feed
    from ..distributed.replicas import Group

PREFIX: Final = "original_"
_EPSILON: Final = 1e-7
"""The minimum in Keras for numbers that it divides by, or takes the logarithm of."""


def original_metrics(
    compiled: Compiled,
    state: State | None,
    model: keras.Model,
    feed: Feed,
    part: Part,
    batch_size: int,
    group: Group | None = None,
) -> dict[str, float]:
    """Metrics by their logged names, prefixed with `original_`; none if all targets are trained in
    the unit of their column, or no metric is meaningful there. With a group, every process calls
    this and computes the outputs of its share.
    """
    training = compiled.training
    outputs = {} if training is None else _outputs(compiled, training, state, part)
    if not outputs:
        return {}
    from .layer_states import from_zero

    at, called = 0, _called(model, group)
    with from_zero(model):
        for inputs, targets, weights in _batches(feed, part, batch_size):
            found = called(inputs, training=False)
            for name, one in outputs.items():
                one.add(_of(targets, name), _of(found, name), _of(weights, name), at)
            at += len(next(iter(_flat(inputs))))
    return {
        f"{PREFIX}{logged}": value
        for one in outputs.values()
        for logged, value in one.results().items()
    }


def _called(model: keras.Model, group: Group | None) -> Callable[..., Any]:
    if group is None:
        whole: Callable[..., Any] = model
        return whole
    from ..distributed.measuring import SharedModel

    return SharedModel(model, group)


def _batches(feed: Feed, part: Part, batch_size: int) -> Iterator[tuple[Any, Any, Any]]:
    for batch in feed.plain(part.positions, batch_size):
        inputs, targets, *rest = batch
        yield inputs, targets, rest[0] if rest else None


def _flat(values: Any) -> list[Any]:
    return list(values.values()) if isinstance(values, Mapping) else [values]


def _of(values: Any, name: str) -> Any:
    return values.get(name) if isinstance(values, Mapping) else values


# Outputs ------------------------------------------------------------------------------------------


@dataclass
class _Output:
    """One output, and the sums of its metrics."""

    chain: tuple[Layer, ...]
    raw: Array | None
    """The values of the column, one per example; None: the targets are converted back."""
    metrics: Mapping[str, tuple[_Sums, bool]]
    """By logged name: the sums of a metric, and whether it uses the weights of the examples."""

    def add(self, targets: Any, outputs: Any, weights: Any, at: int) -> None:
        mask = getattr(outputs, "_keras_mask", None)
        predicted = np.asarray(inverse(self.chain, np.asarray(outputs)), np.float64)
        if self.raw is not None:
            true = self.raw[at : at + len(predicted)].reshape(predicted.shape)
        else:
            true = np.asarray(inverse(self.chain, np.asarray(targets)), np.float64)
            true = true.reshape(predicted.shape)
        if predicted.ndim == 1:
            predicted, true = predicted[:, None], true[:, None]
        shape = predicted.shape[:-1]
        kept = np.ones(shape) if mask is None else _spread(np.asarray(mask, np.float64), shape)
        counted = kept if weights is None else kept * _spread(np.asarray(weights), shape)
        for sums, weighted in self.metrics.values():
            sums.add(true, predicted, counted if weighted else kept)

    def results(self) -> dict[str, float]:
        return {name: sums.result() for name, (sums, _) in self.metrics.items()}


def _spread(weights: Array, shape: tuple[int, ...]) -> Array:
    """Weights of examples, or of their steps, for every value."""
    values = weights.astype(np.float64)
    values = values.reshape(*values.shape, *(1,) * (len(shape) - values.ndim))
    return np.broadcast_to(values, shape) if values.ndim == len(shape) else values.reshape(shape)


def _outputs(
    compiled: Compiled, training: Training, state: State | None, part: Part
) -> dict[str, _Output]:
    layers, bounds = target_layers(compiled, state), binding_of(compiled).targets
    classified = decisions(compiled, state)
    several = len(training.outputs) > 1
    found: dict[str, _Output] = {}
    for name in training.outputs:
        chain = layers.get(name, ())
        if name in classified or name not in bounds or not has_inverse(chain):
            continue
        metrics = dict(_metrics(training, name, f"{name}_" if several else ""))
        if metrics:
            learned = state.features.get(("targets", name)) if state is not None else None
            raw = _raw(part, bounds[name], learned)
            found[name] = _Output(chain, raw, metrics)
    return found


def _metrics(
    training: Training, name: str, before: str
) -> Iterator[tuple[str, tuple[_Sums, bool]]]:
    for chosen, weighted in (
        *((one, False) for one in training.metrics.get(name, ())),
        *((one, True) for one in training.weighted_metrics.get(name, ())),
    ):
        settings: Any = chosen.settings
        made = _SUMS.get(settings.kind()) if isinstance(settings, Settings) else None
        if made is not None:
            yield before + log_name(settings, weighted=weighted), (made(settings), weighted)


def _raw(part: Part, bound: Bound, learned: FeatureState | None) -> Array | None:
    """The values of the target's columns for each example, in float64; None if an example does not
    have one of each.
    """
    examples = part.examples
    if bound.pad is not None or getattr(examples, "windows", None) is not None:
        return None
    columns = []
    for name in bound.names:
        values = _numbers(examples.table, name, bound)
        if values is None:
            return None
        fill = {} if learned is None else learned.fill
        if name in fill:
            values = np.where(np.isnan(values), float(fill[name]), values)
        columns.append(values)
    found = np.stack(columns, axis=-1)
    found = found if examples.rows is None else found[examples.rows]
    return found[part.positions]


def _numbers(table: Table, name: str, bound: Bound) -> Array | None:
    values = table.column(name)
    if values.ndim != 1:
        return None
    if values.dtype.kind in "OUS":
        format = bound.written.number if bound.written is not None else None
        return np.asarray(read_numbers(format, table, values).values, np.float64)
    return values.astype(np.float64) if values.dtype.kind in "biuf" else None


# Metrics ------------------------------------------------------------------------------------------


class _Sums:
    """The weighted mean of a function of targets and outputs [..., units]: over units, then over
    values.
    """

    def __init__(
        self, each: Callable[[Array, Array], Array], last: Callable[[float], float] = float
    ) -> None:
        self._each, self._last = each, last
        self._total = self._count = 0.0

    def add(self, true: Array, predicted: Array, weights: Array) -> None:
        with np.errstate(all="ignore"):
            values = self._each(true, predicted).mean(axis=-1)
        self._total += float(np.where(weights != 0, values * weights, 0.0).sum())
        self._count += float(weights.sum())

    def result(self) -> float:
        return self._last(self._total / self._count) if self._count else 0.0


class _R2(_Sums):
    """Keras's `R2Score`: per unit, 1 minus the squared errors divided by those of the mean."""

    def __init__(self, settings: Any) -> None:
        self._how, self._regressors = settings.class_aggregation, settings.num_regressors
        self._sums: Any = 0.0
        self._samples = 0

    def add(self, true: Array, predicted: Array, weights: Array) -> None:
        w = np.broadcast_to(weights[..., None], true.shape).reshape(-1, true.shape[-1])
        y, p = true.reshape(w.shape), predicted.reshape(w.shape)
        if isinstance(self._sums, float):
            self._first = y.mean(axis=0)  # near the mean, for the precision of the squares
        y, p = y - self._first, p - self._first
        self._sums = self._sums + np.stack(
            [(w * y).sum(0), (w * y * y).sum(0), (w * (y - p) ** 2).sum(0), w.sum(0)]
        )
        self._samples += len(y)

    def result(self) -> float:
        total, squares, errors, count = self._sums
        with np.errstate(all="ignore"):
            spread = squares - total * total / count
            scores = 1 - errors / spread
        scores = np.where(np.isfinite(scores), scores, 0.0)
        if self._how == "variance_weighted_average":
            score = float((scores * spread).sum() / spread.sum())
        else:
            score = float(scores.mean())
        if not self._regressors:
            return score
        n, p = self._samples, self._regressors
        return 1 - (1 - score) * (n - 1) / (n - p - 1) if n > p + 1 else score


def _relative(true: Array, predicted: Array) -> Array:
    found: Array = 100 * np.abs(true - predicted) / np.maximum(np.abs(true), _EPSILON)
    return found


def _logarithmic(true: Array, predicted: Array) -> Array:
    logs = [np.log1p(np.maximum(one, _EPSILON)) for one in (true, predicted)]
    found: Array = (logs[0] - logs[1]) ** 2
    return found


def _log_cosh(true: Array, predicted: Array) -> Array:
    found: Array = np.logaddexp(predicted - true, true - predicted) - np.log(2.0)
    return found


_SUMS: Final[Mapping[str, Callable[[Any], _Sums]]] = {
    "MeanAbsoluteError": lambda _: _Sums(lambda y, p: np.abs(y - p)),
    "MeanSquaredError": lambda _: _Sums(lambda y, p: (y - p) ** 2),
    "RootMeanSquaredError": lambda _: _Sums(lambda y, p: (y - p) ** 2, np.sqrt),
    "MeanAbsolutePercentageError": lambda _: _Sums(_relative),
    "MeanSquaredLogarithmicError": lambda _: _Sums(_logarithmic),
    "LogCoshError": lambda _: _Sums(_log_cosh),
    "R2Score": _R2,
}
"""Metrics that are meaningful in any unit."""

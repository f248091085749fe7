"""Converts formulas to Keras: an `Expression` to a functional model of Keras operations; losses,
metrics and schedules.

A functional model contains the names and operations of a formula, so a saved model contains the
whole computation and loads in plain Keras in its safe mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from modelspec.catalog.components.learning_rate import LearningRateScheduler
from modelspec.catalog.components.loss_expression import Expression as LossSettings
from modelspec.catalog.components.metric_expression import Expression as MetricSettings
from modelspec.catalog.components.schedule_expression import Expression as RateSettings
from modelspec.catalog.components.warmup_schedules import Warmup
from modelspec.catalog.formula import Formula, evaluate
from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.catalog.formula.tree import Call, Constant, Index, Name, Node, Result, listed
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Inputs
from modelspec.core.settings import Settings
from modelspec.core.shapes import Tensor

from .formula_functions import operation
from .inner_names import inner_name


def expression_model(layer: Expression, name: str, tensors: Mapping[str, Any]) -> keras.Model:
    """The functional model of an `Expression` for a call with these tensors, by name."""
    inputs = {
        key: keras.Input(batch_shape=tuple(x.shape), dtype=x.dtype, name=key)
        for key, x in tensors.items()
    }
    types = {key: Tensor(tuple(x.shape), str(x.dtype)) for key, x in tensors.items()}
    inferred = layer.inferred(Inputs(types))
    cast = {key: _cast(x, layer.cast(str(x.dtype))) for key, x in inputs.items()}
    # Learned values are constants of the graph, in the dtype of the computation.
    known = {
        key: np.asarray(value, layer.compute_dtype) for key, value in (layer.learned or {}).items()
    }
    result = FormulaRun({**cast, **known}, inferred.dtypes).value(layer.formula.root)
    given = list(inputs.values())
    model = keras.Model(given if len(given) > 1 else given[0], result, name=name)
    model.trainable = layer.trainable
    return model


def computed(
    node: Node,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    dtypes: Mapping[int, str],
    known: Mapping[int, np.ndarray[Any, Any]] | None = None,
) -> np.ndarray[Any, Any]:
    """The result of a node of a formula for arrays by name. `known` has results of nodes below it,
    by their `id`.
    """
    tensors = {name: ops.convert_to_tensor(array) for name, array in arrays.items()}
    found = {key: ops.convert_to_tensor(array) for key, array in (known or {}).items()}
    return np.asarray(FormulaRun(tensors, dtypes, found).value(node))


def _cast(x: Any, dtype: str) -> Any:
    return x if str(x.dtype) == dtype else ops.cast(x, dtype)


class FormulaRun:
    """Computes one formula with `keras.ops`. `dtypes` are the inferred dtypes, by the `id` of a
    node.
    """

    def __init__(
        self,
        tensors: Mapping[str, Any],
        dtypes: Mapping[int, str],
        known: Mapping[int, Any] | None = None,
    ) -> None:
        self.tensors = tensors
        self.dtypes = dtypes
        self.known = known or {}

    def value(self, node: Node) -> Any:
        if id(node) in self.known:
            return self.known[id(node)]
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Name):
            return self.tensors[node.name]
        if isinstance(node, Index):
            return self.value(node.value)[node.items]
        if isinstance(node, Result):
            return self.value(node.value)[node.position]
        assert isinstance(node, Call)
        result = self._call(node)
        wanted = self.dtypes.get(id(node))
        # For some functions Keras predicts another dtype than the function returns; the nodes after
        # it use the predicted one.
        settled = FUNCTIONS[node.function].settled and wanted is not None
        return ops.cast(result, wanted) if settled else result

    def _call(self, node: Call) -> Any:
        given: dict[str, Any] = {}
        for name, value in node.tensors.items():
            values = [self.value(one) for one in listed(value)]
            given[name] = values if value is not listed(value)[0] else values[0]
        if node.function == "einsum":
            return ops.einsum(node.settings["subscripts"], *given["operands"])
        for name in FUNCTIONS[node.function].sizes:
            if name in given:
                given[name] = ops.shape(given[name])[0]
        return operation(node.function)(**given, **node.settings)


# Losses and metrics -------------------------------------------------------------------------------


def comparison(formula: Formula) -> Callable[[Any, Any], Any]:
    """A formula on targets and outputs as a function of both, which get the same number of axes."""

    def compare(y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        # As in Keras's own losses: targets of one column and outputs without that axis would
        # otherwise be broadcast against each other.
        if len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
            y_true = ops.squeeze(y_true, axis=-1)
        elif len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
            y_true = ops.expand_dims(y_true, axis=-1)
        return FormulaRun({"y_true": y_true, "y_pred": y_pred}, {}).value(formula.root)

    return compare


class ExpressionLoss(keras.losses.Loss):
    """A loss by formula. It cannot be saved: the saved model has no loss, but still loads in plain
    Keras.
    """

    def __init__(self, formula: Formula, **settings: Any) -> None:
        super().__init__(**settings)
        self._compare = comparison(formula)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._compare(y_true, y_pred)


def component(settings: Settings) -> Any:
    """The Keras object for settings that contain a formula; None for any other settings."""
    if isinstance(settings, LossSettings):
        return ExpressionLoss(
            settings.formula,
            reduction=settings.reduction,
            name=inner_name(settings.name),
            dtype=settings.dtype,
        )
    if isinstance(settings, MetricSettings):
        return keras.metrics.MeanMetricWrapper(
            comparison(settings.formula), name=inner_name(settings.name), dtype=settings.dtype
        )
    if isinstance(settings, RateSettings):
        from .formula_schedule import FormulaSchedule

        return FormulaSchedule(settings.formula)
    if isinstance(settings, Warmup):
        from .warmup_schedule import WarmupSchedule

        return WarmupSchedule(settings)
    if isinstance(settings, LearningRateScheduler):
        return keras.callbacks.LearningRateScheduler(
            rate(settings.schedule), verbose=settings.verbose
        )
    return None


def rate(formula: Formula) -> Callable[[int, float], float]:
    """A formula on numbers, as the function of epoch and learning rate that Keras calls."""

    def schedule(epoch: int, lr: float) -> float:
        found = float(evaluate(formula, {"epoch": int(epoch), "lr": float(lr)}))
        if not math.isfinite(found) or found < 0:
            raise ValueError(
                f"the learning rate `{formula}` is {found:g} in epoch {epoch}, where `lr` is"
                f" {lr:g}; it must be at least 0"
            )
        return found

    return schedule


def forget_compilation(model: keras.Model) -> None:
    """Omits loss and metrics when the model is saved, so that plain Keras, which has no formulas,
    can load it.
    """
    model.get_compile_config = lambda: None

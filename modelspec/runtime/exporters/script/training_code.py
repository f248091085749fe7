"""The `training` section as `model.compile` and `model.fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelspec.catalog.components.learning_rate import LearningRateScheduler
from modelspec.catalog.components.loss_expression import Expression as LossFormula
from modelspec.catalog.components.metric_expression import Expression as MetricFormula
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.logged_quantities import logged
from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.settings import Settings
from modelspec.runtime.backend.compile_model import mode_of
from modelspec.runtime.backend.inner_names import inner_name

from .formula_code import numbers_code, tensors_code
from .python_code import INDENT, Code, Names, call, docstring, listed, literal, mapping, statement
from .settings_code import settings_code


@dataclass
class TrainingCode:
    """The functions of a script that train its model."""

    names: Names
    functions: list[list[str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add(self, compiled: Compiled, training: Training, several: bool) -> None:
        """`train`, and what it needs."""
        options = self._compile_options(training, several)
        jit = compiled.file.runtime.jit
        if jit != "auto":
            options["jit_compile"] = literal(jit)
        self._notice(training)
        fit = call(
            "model.fit",
            "x",
            "y",
            validation_data="validation_data",
            epochs=literal(training.epochs),
            batch_size=literal(training.batch_size),
            **self._callbacks(training),
            verbose="2",
        )
        self.functions.append(
            [
                "def train(x, y, validation_data=None) -> keras.Model:",
                docstring(
                    "Train a new model on arrays `x` and `y`, by name where there are several.",
                    INDENT,
                ),
                f"{INDENT}keras.utils.set_random_seed(SEED)",
                f"{INDENT}model = build_model()",
                *statement("", call("model.compile", **options)),
                *statement("", fit),
                f"{INDENT}return model",
            ]
        )

    def _compile_options(self, training: Training, several: bool) -> dict[str, Code]:
        """Optimizer, losses and metrics, as `model.compile` takes them."""
        options: dict[str, Code] = {"optimizer": settings_code(training.optimizer)}
        losses = {name: self._loss(one) for name, one in training.losses.items()}
        options["loss"] = _by_output(losses, several)
        if training.loss_weights:
            factors = {name: literal(one) for name, one in training.loss_weights.items()}
            options["loss_weights"] = _by_output(factors, several)
        for key in ("metrics", "weighted_metrics"):
            metrics = getattr(training, key)
            if metrics:
                found = {name: listed(map(self._metric, each)) for name, each in metrics.items()}
                options[key] = _by_output(found, several)
        return options

    def _callbacks(self, training: Training) -> dict[str, Code]:
        directions = logged(training)
        found: list[Code] = []
        for one in training.callbacks:
            mode = {name: literal(value) for name, value in mode_of(one, directions).items()}
            found.append(self._callback(one.settings, mode))
        return {"callbacks": listed(found)} if found else {}

    def _callback(self, settings: Any, mode: Mapping[str, Code]) -> Code:
        if not isinstance(settings, LearningRateScheduler):
            return settings_code(settings, **mode)
        function = self.names.new("learning_rate")
        self.functions.append(
            [
                f"def {function}(epoch: int, lr: float) -> float:",
                docstring(str(settings.schedule), INDENT),
                f"{INDENT}return float({_bare(numbers_code(settings.schedule.root))})",
            ]
        )
        return call("keras.callbacks.LearningRateScheduler", function)

    def _loss(self, chosen: Chosen) -> Code:
        settings = chosen.settings
        assert isinstance(settings, Settings)
        if not isinstance(settings, LossFormula):
            return (
                literal(chosen.written)
                if _is_name(chosen.written, settings)
                else settings_code(settings)
            )
        function = self._comparison(settings)
        if settings.reduction == "sum_over_batch_size":
            return function
        kind = "".join(part.title() for part in function.split("_"))
        self.functions.append(
            [
                f"class {kind}(keras.losses.Loss):",
                docstring(str(settings.formula), INDENT),
                "",
                f"{INDENT}def call(self, y_true, y_pred):",
                f"{INDENT * 2}return {function}(y_true, y_pred)",
            ]
        )
        return call(kind, reduction=literal(settings.reduction))

    def _metric(self, chosen: Chosen) -> Code:
        settings = chosen.settings
        if isinstance(settings, str):
            return literal(settings)
        if not isinstance(settings, MetricFormula):
            return (
                literal(chosen.written)
                if _is_name(chosen.written, settings)
                else settings_code(settings)
            )
        name = {"name": literal(inner_name(settings.name))} if settings.name else {}
        return call("keras.metrics.MeanMetricWrapper", self._comparison(settings), **name)

    def _comparison(self, settings: LossFormula | MetricFormula) -> str:
        """The function of a formula on targets and outputs."""
        function = self.names.new(
            "difference" if settings.name in (None, "expression") else settings.name
        )
        code = tensors_code(settings.formula.root, {"y_true": "y_true", "y_pred": "y_pred"}, {})
        self.functions.append(
            [
                f"def {function}(y_true, y_pred):",
                docstring(str(settings.formula), INDENT),
                *statement("return ", code),
            ]
        )
        return function

    def _notice(self, training: Training) -> None:
        if training.class_weights:
            self.notices.append(
                "`class_weight` is left out of the script: give `model.fit` a `sample_weight`"
            )
        if training.weights is not None:
            self.notices.append(
                "the script starts from weights of its own, not from the file of `training.weights`"
            )


def _bare(code: str) -> str:
    """Without brackets around all of it."""
    depth = 0
    for place, one in enumerate(code):
        depth += {"(": 1, ")": -1}.get(one, 0)
        if depth == 0 and place + 1 < len(code):
            return code
    return code[1:-1] if code[0] == "(" else code


def _is_name(written: str, settings: Settings) -> bool:
    """Whether Keras knows the component, as it is set, by the name that a spec has it by."""
    return written.islower() and settings.model_fields_set <= {"name"}


def _by_output(values: Mapping[str, Code], several: bool) -> Code:
    return mapping(values) if several else next(iter(values.values()))

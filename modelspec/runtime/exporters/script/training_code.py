"""The `training` section as `model.compile` and `model.fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelspec.catalog.components.learning_rate import LearningRateScheduler
from modelspec.catalog.components.loss_expression import Expression as LossFormula
from modelspec.catalog.components.metric_expression import Expression as MetricFormula
from modelspec.compiler.infer.trained_weights import trained_weights
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.logged_quantities import logged
from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.settings import Settings
from modelspec.runtime.backend.compile_model import mode_of
from modelspec.runtime.backend.inner_names import inner_name

from .averages_code import NAME, averages_lines
from .formula_code import numbers_code, tensors_code
from .objective_code import CLASS, EPOCHS, ObjectiveCode, names_of
from .python_code import INDENT, Code, Names, call, docstring, listed, literal, mapping, statement
from .settings_code import settings_code
from .stage_code import (
    FREEZE,
    frozen_layers,
    refuse_objective,
    refuse_players,
    stage_notices,
)
from .warmup_code import lengths


@dataclass
class TrainingCode:
    """The functions of a script that train its model."""

    names: Names
    functions: list[list[str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    averages: list[str] = field(default_factory=list)
    """The lines that create the callbacks of moving averages."""

    def add(self, compiled: Compiled, training: Training, several: bool) -> None:
        """`train`, and the functions that it uses."""
        refuse_players(training)
        assert compiled.graph is not None
        self.averages = averages_lines(compiled.graph)
        jit = compiled.file.runtime.jit
        self._notice(training)
        build, target = [f"{INDENT}model = build_model()", *self.averages], "y"
        if training.stages:
            body = self._stages(compiled, training, several)
        elif training.objective:
            body = self._with_objective(compiled, training, several)
            build, target = [], "y" if training.losses else "y=None"
        else:
            body = self._fit(training, self._compile_options(training, several), jit)
        self.functions.append(
            [
                f"def train(x, {target}, validation_data=None) -> keras.Model:",
                docstring(
                    "Train a new model on arrays `x` and `y`, by name if there are several.",
                    INDENT,
                ),
                f"{INDENT}keras.utils.set_random_seed(SEED)",
                *build,
                *body,
                f"{INDENT}return model",
            ]
        )

    def _with_objective(self, compiled: Compiled, training: Training, several: bool) -> list[str]:
        """The lines that train the model with the terms of its objective."""
        assert compiled.graph is not None
        code = ObjectiveCode(compiled.graph, training, {})
        self.notices += code.notices
        self.functions.append(code.lines())
        if any("epoch" in names_of(one.weight) for one in training.objective.values()):
            self.functions.append(list(EPOCHS))
        options, jit = self._compile_options(training, several), compiled.file.runtime.jit
        return [
            f"{INDENT}tensors = {{}}",
            f"{INDENT}model = build_model(tensors)",
            *self.averages,
            f"{INDENT}trained = {CLASS}(model, tensors)",
            *self._fit(training, options, jit, "trained"),
        ]

    def _fit(
        self, training: Training, options: dict[str, Code], jit: bool | str, model: str = "model"
    ) -> list[str]:
        """`compile` and `fit`."""
        if jit != "auto":
            options["jit_compile"] = literal(jit)
        fit = call(
            f"{model}.fit",
            "x",
            "y",
            validation_data="validation_data",
            epochs=literal(training.epochs),
            batch_size=literal(training.batch_size),
            **self._callbacks(training),
            verbose="2",
        )
        found = lengths(str(options["optimizer"]), training.epochs, training.batch_size)
        steps = [f"{INDENT}{line}" for line in found]
        return [*steps, *statement("", call(f"{model}.compile", **options)), *statement("", fit)]

    def _stages(self, compiled: Compiled, training: Training, several: bool) -> list[str]:
        """The lines that train the stages one after the other."""
        found: list[str] = []
        trained: list[str] | None = None
        for stage, graph in compiled.stage_graphs:
            refuse_objective(stage)
            options = self._compile_options(stage.training, several)
            now = [one.path for one in trained_weights(graph)]
            if stage.keep is not None and now == trained:
                options["optimizer"] = "model.optimizer"
            self.notices += stage_notices(stage, keeps=now == trained)
            trained = now
            found += [
                f"{INDENT}# The stage `{stage.name}`.",
                *statement("", call("freeze", "model", literal(frozen_layers(graph)))),
                *self._fit(stage.training, options, compiled.file.runtime.jit),
            ]
        if training.stages[0].of_run and training.stages[1:]:
            self.notices.append(
                "the callbacks of `training` begin again in each stage of the script"
            )
        self.functions.append(FREEZE)
        return found

    def _compile_options(self, training: Training, several: bool) -> dict[str, Code]:
        """Optimizer, losses and metrics, in the form for `model.compile`."""
        options: dict[str, Code] = {"optimizer": settings_code(training.optimizer)}
        losses = {name: self._loss(one) for name, one in training.losses.items()}
        if losses:
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
        found: list[Code] = [f"*{NAME}"] if self.averages else []
        for one in training.callbacks:
            mode = {name: literal(value) for name, value in mode_of(one, directions).items()}
            found.append(self._callback(one.settings, mode))
        if any("epoch" in names_of(one.weight) for one in training.objective.values()):
            found.append("EpochCounter()")
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
            "difference" if settings.name in (None, "expression", "formula") else settings.name
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
                "`class_weight` is left out of the script: pass a `sample_weight` to `model.fit`"
            )
        if training.weights is not None:
            self.notices.append(
                "the script starts from new weights, not from the file in `training.weights`"
            )


def _bare(code: str) -> str:
    """Without brackets around the whole expression."""
    depth = 0
    for place, one in enumerate(code):
        depth += {"(": 1, ")": -1}.get(one, 0)
        if depth == 0 and place + 1 < len(code):
            return code
    return code[1:-1] if code[0] == "(" else code


def _is_name(written: str, settings: Settings) -> bool:
    """Whether Keras has the component, with these settings, under its name in a spec."""
    return written.islower() and settings.model_fields_set <= {"name"}


def _by_output(values: Mapping[str, Code], several: bool) -> Code:
    return mapping(values) if several else next(iter(values.values()))

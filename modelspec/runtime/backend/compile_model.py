"""Calls `model.compile` as the `training` section specifies."""

from __future__ import annotations

from typing import Any

import keras

from modelspec.catalog.components.metric import Direction
from modelspec.compiler.rules.logged_quantities import direction_of, logged
from modelspec.compiler.spec.training_section import Chosen, Training

from .attached_objective import attach
from .convert import to_keras
from .formula_schedule import has_schedules
from .formulas import forget_compilation
from .inner_names import spec_name


def compile_model(model: keras.Model, training: Training, jit: bool | str) -> None:
    """Compile the model as the section specifies; `jit` comes from `runtime`."""
    several = isinstance(model.output, dict)
    model.compile(
        optimizer=_optimizer_of(model, training),
        loss=_by_output(
            {name: to_keras(loss.settings) for name, loss in training.losses.items()}, several
        )
        or None,
        loss_weights=_loss_weights(training, several),
        metrics=_metrics(training.metrics, several),
        weighted_metrics=_metrics(training.weighted_metrics, several),
        jit_compile=jit is True,  # with `auto`, a training measures whether XLA pays
    )
    if _has_formula(training) or training.objective or has_schedules(model.optimizer):
        forget_compilation(model)
    attach(model, training)


def _loss_weights(training: Training, several: bool) -> Any:
    """The weight of every loss, 1 where the spec sets none; None if the spec sets no weights at
    all.
    """
    if not training.loss_weights:
        return None
    return _by_output(
        {output: training.loss_weights.get(output, 1.0) for output in training.losses}, several
    )


def _optimizer_of(model: keras.Model, training: Training) -> Any:
    """The optimizer, or one that consists of those of the players."""
    if not training.players:
        return _optimizer(model, training)
    from .players import PlayersOptimizer, player_weights

    weights = player_weights(model, training)
    return PlayersOptimizer(
        {
            one.name: (_optimizer(model, one.training(training), one.name), weights[one.name])
            for one in training.players
        }
    )


def _optimizer(model: keras.Model, training: Training, name: str | None = None) -> Any:
    """The optimizer; it scales the loss where a layer computes in float16 on float32 weights.

    Gradients below 6e-8 are 0 in float16. Keras does the same for a global policy `mixed_float16`,
    but not for layers with their own policy. A scale that the spec sets is kept. `name` is its name
    if the spec sets none.
    """
    settings = training.optimizer
    unnamed = "name" in type(settings).model_fields.keys() - settings.model_fields_set
    optimizer = to_keras(settings, **({"name": name} if name and unnamed else {}))
    _by_spec_names(optimizer, model)
    if not any(map(_needs_scaled_loss, model._flatten_layers())) or _scales_loss(optimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _by_spec_names(optimizer: Any, model: keras.Model) -> None:
    """Make an `OptimizerMap` use the paths of the spec: where Keras has another path for a
    variable, its optimizer is added under that path too.
    """
    by_path = getattr(optimizer, "_optimizer_map", None)  # it has no public access
    if by_path is None:
        return
    for variable in model.trainable_variables:
        path = spec_name(variable.path)
        if path != variable.path:
            by_path[variable.path] = by_path[path]


def _needs_scaled_loss(layer: keras.Layer) -> bool:
    return bool(layer.compute_dtype == "float16" and layer.variable_dtype == "float32")


def _scales_loss(optimizer: Any) -> bool:
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return True
    return optimizer.loss_scale_factor is not None


def _has_formula(training: Training) -> bool:
    """Whether a loss or a metric is a formula."""
    metrics = (
        one
        for by_output in (training.metrics, training.weighted_metrics)
        for chosen in by_output.values()
        for one in chosen
    )
    return any(hasattr(one.settings, "formula") for one in (*training.losses.values(), *metrics))


def callbacks(training: Training) -> list[Any]:
    """The Keras callbacks of the section, in their order.

    `mode: auto` is replaced by the direction of the metric: with several outputs Keras does not
    recognize a metric by its logged name.
    """
    directions = logged(training)
    return [to_keras(one.settings, **mode_of(one, directions)) for one in training.callbacks]


def mode_of(callback: Chosen, directions: dict[str, Direction]) -> dict[str, str]:
    if getattr(callback.settings, "mode", None) != "auto":
        return {}
    # Every callback with a mode has a monitor.
    monitor: str = callback.settings.monitor  # type: ignore[union-attr]
    direction = direction_of(monitor, directions)
    return {"mode": "max" if direction == "up" else "min"} if direction else {}


def _metrics(metrics: Any, several: bool) -> Any:
    found = {name: [_metric(one.settings) for one in chosen] for name, chosen in metrics.items()}
    return _by_output(found, several) if found else None


def _metric(settings: Any) -> Any:
    sums_in = getattr(settings, "sums_in", None)
    if sums_in is None or settings.dtype is not None:
        return to_keras(settings)
    return to_keras(settings, dtype=sums_in)


def _by_output(values: dict[str, Any], several: bool) -> Any:
    """By name if the model has several outputs; otherwise the value of the only output."""
    return values if several else next(iter(values.values()), None)

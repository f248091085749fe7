"""`training` to `model.compile`."""

from __future__ import annotations

from typing import Any

import keras

from modelspec.catalog.components.metric import Direction
from modelspec.compiler.rules.logged_quantities import logged
from modelspec.compiler.spec.training_section import Chosen, Training

from .convert import to_keras
from .formulas import forget_compilation


def compile_model(model: keras.Model, training: Training, jit: bool | str) -> None:
    """Compile the model as the section says; `jit` is that of the runtime."""
    several = isinstance(model.output, dict)
    model.compile(
        optimizer=to_keras(training.optimizer),
        loss=_by_output(
            {name: to_keras(loss.settings) for name, loss in training.losses.items()}, several
        ),
        loss_weights=(
            _by_output(dict(training.loss_weights), several) if training.loss_weights else None
        ),
        metrics=_metrics(training.metrics, several),
        weighted_metrics=_metrics(training.weighted_metrics, several),
        # XLA is slower than TensorFlow's own kernels on a CPU (convolutions by 2 to 3 times) and
        # slow to compile.
        jit_compile=_has_accelerator() if jit == "auto" else jit,
    )
    if _has_formula(training):
        forget_compilation(model)


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

    `mode: auto` is replaced by the way that is better: with several outputs Keras does not find a
    metric by its logged name.
    """
    directions = logged(training)
    return [to_keras(one.settings, **mode_of(one, directions)) for one in training.callbacks]


def mode_of(callback: Chosen, directions: dict[str, Direction]) -> dict[str, str]:
    if getattr(callback.settings, "mode", None) != "auto":
        return {}
    # Whatever has a mode has a monitor.
    monitor: str = callback.settings.monitor  # type: ignore[union-attr]
    direction = directions.get(monitor.removeprefix("val_"))
    return {"mode": "max" if direction == "up" else "min"} if direction else {}


def _metrics(metrics: Any, several: bool) -> Any:
    found = {name: [to_keras(one.settings) for one in chosen] for name, chosen in metrics.items()}
    return _by_output(found, several) if found else None


def _by_output(values: dict[str, Any], several: bool) -> Any:
    """By name where the model has several outputs; the only one's own otherwise."""
    return values if several else next(iter(values.values()), None)


def _has_accelerator() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))

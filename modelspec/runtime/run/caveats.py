"""Warnings about the accuracy of results: the possible error of an `AUC`, and steps that a loss
scale skipped.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from modelspec.core.diagnostics import Diagnostic

from ..backend.attached_objective import attached
from ..backend.inner_names import spec_name

_UNCERTAIN = 0.01
"""A larger possible error of an `AUC` leads to a warning."""


def of_metrics(model: keras.Model) -> tuple[Diagnostic, ...]:
    """MS725 for every `AUC` whose thresholds are too coarse for the measured outputs."""
    found = (_of_auc(one) for one in _metrics(model) if isinstance(one, keras.metrics.AUC))
    return tuple(one for one in found if one is not None)


def _metrics(model: keras.Model) -> list[Any]:
    return [
        one
        for group in model.metrics
        for one in (group.metrics if hasattr(group, "metrics") else (group,))
    ]


def _of_auc(metric: keras.metrics.AUC) -> Diagnostic | None:
    if metric.curve.value != "ROC":
        return None
    uncertainty = _uncertainty(
        np.asarray(metric.true_positives, "float64"), np.asarray(metric.false_positives, "float64")
    )
    if not uncertainty > _UNCERTAIN:
        return None
    return Diagnostic(
        "MS725",
        "warning",
        f"`{spec_name(metric.name)}` may be off by {uncertainty:.2g}: most outputs are between two"
        f" of its {metric.num_thresholds} thresholds, which are evenly spaced from 0 to 1",
        None,
        help="give `AUC` a higher `num_thresholds`, or `thresholds` where the outputs are",
    )


def _uncertainty(true: Any, false: Any) -> float:
    """Half the share of pairs of a positive and a negative example that lie between the same two
    thresholds: an area under straight lines counts each such pair as one half, and it is 0 or 1.

    `true` and `false` count the positive and negative examples above each threshold, the lowest
    threshold first: (thresholds,) or (thresholds, labels).
    """
    pairs = (-np.diff(true, axis=0) * -np.diff(false, axis=0)).sum(axis=0)
    every = true[0] * false[0]
    shares = np.divide(pairs, every, out=np.zeros_like(pairs), where=every > 0)
    return float(np.max(shares)) / 2


def of_training(model: keras.Model, steps: int) -> tuple[Diagnostic, ...]:
    """MS726 if in at least half of the steps, gradients overflowed float16; for each player
    separately.
    """
    found = attached(model)
    turns = found.turns if found is not None else ()
    if not turns:
        return _of_loss_scale(model.optimizer, steps)
    return tuple(
        one
        for turn in turns
        for one in _of_loss_scale(
            turn.optimizer, steps * turn.player.updates, f" of the player `{turn.player.name}`"
        )
    )


def _of_loss_scale(optimizer: Any, steps: int, whose: str = "") -> tuple[Diagnostic, ...]:
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or not steps:
        return ()
    left_out = steps - int(optimizer.inner_optimizer._iterations)  # `iterations` counts updates
    if 2 * left_out < steps:
        return ()
    scale = float(optimizer.dynamic_scale)
    return (
        Diagnostic(
            "MS726",
            "warning",
            f"{left_out:,} of {steps:,} {'updates' if whose else 'steps'}{whose} changed no weight:"
            f" gradients were too large for float16; the loss scale has decreased to {scale:g}",
            None,
            help=(
                "train for more steps, scale targets to about 1, or start lower:"
                f" `LossScaleOptimizer: {{initial_scale: {scale:g}, inner_optimizer: ...}}`"
            ),
        ),
    )

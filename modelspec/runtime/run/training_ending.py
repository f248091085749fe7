"""How a training ended, from its callbacks: Keras's `EarlyStopping` has the last and the best
epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from ..history.ending import Ending
from .training_loop import Fitting
from .training_state import KeptCallback


def ending_of(fitting: Fitting, after: int = 0) -> Ending:
    """The ending of a completed training, whose later stages would have had `after` epochs."""
    epochs, planned = fitting.history.epochs, fitting.end + after
    stopped_by, why = None, None
    if epochs < planned:
        last = _stopping(fitting)
        stopped_by = type(last).__name__ if last is not None else "a callback"
        why = _why(last) if last is not None else None
    chosen = [one for one in _early_stopping(fitting) if _took_back(one.callback)]
    if not chosen:
        return Ending(epochs, planned, epochs, stopped_by=stopped_by, why=why)
    best = chosen[-1]  # each of them replaces the weights of those before
    epoch, monitor = best.first_epoch + best.callback.best_epoch, best.callback.monitor
    value = _value(fitting.history.rows.get(monitor, ()), epoch)
    return Ending(epochs, planned, epoch + 1, monitor, value, stopped_by, why)


def stopping_callback(fitting: Fitting) -> str:
    """The callback that ended a training, or one of its stages, before its last epoch."""
    last = _stopping(fitting)
    return type(last).__name__ if last is not None else "a callback"


def _early_stopping(fitting: Fitting) -> list[KeptCallback]:
    kept = fitting.state.callbacks
    return [one for one in kept if isinstance(one.callback, keras.callbacks.EarlyStopping)]


def _stopping(fitting: Fitting) -> Any:
    """The `EarlyStopping` that stopped in the last epoch, if any."""
    last = fitting.history.epochs - 1
    found = _early_stopping(fitting)
    return next(
        (one.callback for one in found if one.first_epoch + one.callback.stopped_epoch == last),
        None,
    )


def _took_back(callback: Any) -> bool:
    """Whether the model has the weights that the callback kept."""
    return bool(callback.restore_best_weights) and callback.best_weights is not None


def _why(callback: Any) -> str:
    count = "1 epoch" if callback.wait == 1 else f"{callback.wait} epochs"
    if callback.baseline is not None:
        return f"`{callback.monitor}` did not improve on {callback.baseline:g} for {count}"
    by = f" by more than {abs(callback.min_delta):g}" if callback.min_delta else ""
    return f"`{callback.monitor}` did not improve{by} for {count}"


def _value(values: Sequence[float], epoch: int) -> float | None:
    """The value of the best epoch."""
    value = values[epoch] if epoch < len(values) else math.nan
    return float(value) if math.isfinite(value) else None

"""How a training ended, as its callbacks have it: `EarlyStopping` of Keras says which epoch was the
last, and which one was the best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..history.ending import Ending
from .training_loop import Fitting


def ending_of(fitting: Fitting) -> Ending:
    """That of a training that came to its end."""
    epochs, planned = fitting.history.epochs, fitting.task.epochs
    called = [one.callback for one in fitting.state.callbacks]
    stopping = [one for one in called if isinstance(one, keras.callbacks.EarlyStopping)]
    stopped_by, why = None, None
    if epochs < planned:
        last = next((one for one in stopping if one.stopped_epoch == epochs - 1), None)
        stopped_by = type(last).__name__ if last is not None else "a callback"
        why = _why(last) if last is not None else None
    chosen = [one for one in stopping if _took_back(one)]
    if not chosen:
        return Ending(epochs, planned, epochs, stopped_by=stopped_by, why=why)
    best = chosen[-1]  # each of them puts its weights in place of those before
    value = _value(fitting.history.rows, best)
    return Ending(epochs, planned, best.best_epoch + 1, best.monitor, value, stopped_by, why)


def _took_back(callback: Any) -> bool:
    """Whether the model has the weights that the callback kept."""
    return bool(callback.restore_best_weights) and callback.best_weights is not None


def _why(callback: Any) -> str:
    count = "1 epoch" if callback.wait == 1 else f"{callback.wait} epochs"
    if callback.baseline is not None:
        return f"`{callback.monitor}` did not pass {callback.baseline:g} for {count}"
    by = f" by more than {abs(callback.min_delta):g}" if callback.min_delta else ""
    return f"`{callback.monitor}` did not improve{by} for {count}"


def _value(rows: Mapping[str, Sequence[float]], callback: Any) -> float | None:
    """The value of the best epoch."""
    values = rows.get(callback.monitor, ())
    value = values[callback.best_epoch] if callback.best_epoch < len(values) else math.nan
    return float(value) if math.isfinite(value) else None

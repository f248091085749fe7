"""What happens at the end of an epoch beside the spec's own callbacks: the history, the watch, the check of weights."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from .files import cannot_write
from .signals import Signals
from .watch import Epoch, Watcher, loss_first


class NotFinite(Exception):
    """The loss or a weight is no longer a number."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch


class Stopped(Exception):
    """A signal asked for the end."""


class History(keras.callbacks.Callback):
    """A row of `history.csv` and a call of the watcher for each epoch, as it ends."""

    def __init__(self, path: Path | None, watcher: Watcher, examples: int) -> None:
        super().__init__()
        self.rows: dict[str, list[float]] = {}
        self.epochs = 0
        """How many ended."""
        self._path = path
        self._watcher = watcher
        self._examples = examples
        self._started = self._trained = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()
        self._trained = 0.0

    def on_test_begin(self, logs: Any = None) -> None:
        self._trained = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        self.epochs = epoch + 1
        values = loss_first({name: float(value) for name, value in (logs or {}).items()})
        values.setdefault("learning_rate", current_learning_rate(self.model))
        for name, value in values.items():
            self.rows.setdefault(name, []).append(value)
        seconds = now - self._started
        if self._path is not None:
            self._write(epoch, values, seconds)
        shown = {name: value for name, value in values.items() if name != "learning_rate"}
        self._watcher.epoch(Epoch(epoch + 1, shown, seconds, (self._trained or now) - self._started, self._examples))

    def _write(self, epoch: int, values: dict[str, float], seconds: float) -> None:
        assert self._path is not None
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if file.tell() == 0:
                    writer.writerow(["epoch", *values, "seconds"])
                writer.writerow([epoch + 1, *values.values(), round(seconds, 3)])
        except OSError as error:
            raise cannot_write(self._path, error) from error


def current_learning_rate(model: Any) -> float:
    """The optimizer's, of a schedule the one at hand."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


class Steps(keras.callbacks.Callback):
    """Tells the watcher of every step."""

    async_safe = True

    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self._watcher = watcher
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._watcher.step(self._epoch, batch + 1, loss_first(logs or {}))


class Finite(keras.callbacks.Callback):
    """Stops a run whose loss, or one of whose weights, is no longer a finite number.

    The loss alone does not tell: with a NaN in the data it can stay finite while the weights are lost.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name in ("loss", "val_loss"):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                shown = "NaN" if math.isnan(value) else "infinite"
                raise NotFinite(f"`{name}` became {shown} in epoch {epoch + 1}", epoch + 1)
        for weight in self.model.weights:
            if keras.backend.is_float_dtype(weight.dtype) and not bool(_all_finite(weight.value)):
                raise NotFinite(f"the weight `{weight.path}` is no longer finite after epoch {epoch + 1}", epoch + 1)


def _all_finite(value: Any) -> Any:
    return tf.reduce_all(tf.math.is_finite(value))


class Stop(keras.callbacks.Callback):
    """Ends the run before validation, or before the next epoch, once a signal asked for it."""

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals

    def on_test_begin(self, logs: Any = None) -> None:
        self._check()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check()

    def _check(self) -> None:
        if self._signals.asked is not None:
            raise Stopped

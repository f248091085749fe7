"""Work at the end of an epoch besides the callbacks of the spec: the history, the watcher, the
check of the weights.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from modelspec.core.source.own_files import append_own

from ..backend.attached_objective import loss_names
from ..backend.inner_names import spec_name
from .atomic_files import cannot_write, write_bytes
from .checkpoints.store import as_text
from .events import Epoch, Watcher, loss_first
from .step import all_finite
from .training_state import as_json, from_json


class NotFinite(Exception):
    """A loss, a gradient or a weight is no longer finite."""

    def __init__(self, message: str, epoch: int, notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.notes = notes


class Stopped(Exception):
    """A signal requested the end of the run."""


class History(keras.callbacks.Callback):
    """A row of `history.csv` and a call of the watcher for each epoch, as it ends."""

    def __init__(self, path: Path | None, watcher: Watcher, examples: int) -> None:
        super().__init__()
        self.rows: dict[str, list[float]] = {}
        """By name: a value for each epoch, NaN for an epoch that did not log it."""
        self.seconds: list[float] = []
        self.stages: list[str | None] = []
        """The stage of each epoch; None in a training without stages."""
        self._logged: list[Mapping[str, float]] = []
        """The logs of each epoch."""
        self._stage: str | None = None
        self._columns: tuple[str, ...] = ()
        """Those of the file."""
        self._texts: list[str] = []
        """The rows as JSON, converted once: every checkpoint contains all of them."""
        self._path = path
        self._watcher = watcher
        self._examples = examples
        self._started = self._trained = time.perf_counter()
        self._before = 0.0
        self.ended_before = 0
        """The number of epochs in the file when the run was resumed: some of them are computed
        again.
        """

    @property
    def epochs(self) -> int:
        """The number of completed epochs."""
        return len(self.seconds)

    def begin(self) -> None:
        """No epoch yet: a run that starts again may have old rows."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def begin_stage(self, name: str | None, examples: int) -> None:
        """The following epochs belong to a stage with so many training examples."""
        self._stage, self._examples = name, examples

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started, self._trained, self._before = time.perf_counter(), 0.0, 0.0

    def on_test_begin(self, logs: Any = None) -> None:
        self._trained = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        values = loss_first({name: float(value) for name, value in (logs or {}).items()})
        rate = last_learning_rate(self.model)
        if rate is not None:
            values.setdefault("learning_rate", rate)
        self._note(values, self._stage)
        seconds, training = (
            self._before + end - self._started for end in (now, self._trained or now)
        )
        self.seconds.append(seconds)
        if self._path is not None:
            self._append()
        shown = {name: value for name, value in values.items() if name != "learning_rate"}
        ended = Epoch(epoch + 1, shown, seconds, training, self._examples, self._stage)
        self._watcher.epoch(ended)

    def _note(self, values: Mapping[str, float], stage: str | None) -> None:
        before = len(self._logged)
        for name in (*self.rows, *values):
            row = self.rows.setdefault(name, [math.nan] * before)
            if len(row) == before:
                row.append(values.get(name, math.nan))
        self._logged.append(values)
        self.stages.append(stage)
        self._texts.append(as_text({name: as_json(value) for name, value in values.items()}))

    def _written(self) -> int:
        """The number of epochs in the file, below its header."""
        try:
            lines = self._path.read_bytes().count(b"\n") if self._path is not None else 0
        except OSError:
            return 0
        return max(lines - 1, 0)

    def _append(self) -> None:
        assert self._path is not None
        if self._columns and self._columns != tuple(self.rows):  # a stage with other metrics
            self._rewrite(self._path)
            return
        try:
            with append_own(self._path.parent, self._path.name) as raw:
                file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
                self._write(file, self.epochs - 1)
                file.flush()
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _write(self, file: Any, first: int) -> None:
        """The rows from `first` on, with a header if the file has none yet."""
        writer = csv.writer(file)
        staged = any(one is not None for one in self.stages)
        if first == 0 and self.rows:
            writer.writerow(["epoch", *(["stage"] if staged else []), *self.rows, "seconds"])
            self._columns = tuple(self.rows)
        for epoch in range(first, self.epochs):
            stage = [self.stages[epoch]] if staged else []
            values = (self._logged[epoch].get(name, "") for name in self.rows)
            writer.writerow([epoch + 1, *stage, *values, round(self.seconds[epoch], 3)])

    def _rewrite(self, path: Path) -> None:
        """The whole file."""
        text = io.StringIO(newline="")
        self._columns = ()
        self._write(text, 0)
        write_bytes(path, text.getvalue().encode())

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> dict[str, Any]:
        """The history as JSON values, with the elapsed time of the running epoch."""
        running = self._before + time.perf_counter() - self._started
        return {
            "rows": list(self._texts),
            "stages": list(self.stages),
            "seconds": list(self.seconds),
            "running": running,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores the captured history, and the file: rows of later epochs are removed."""
        self.ended_before = self._written()
        self.rows, self._texts, self._logged, self.stages = {}, [], [], []
        names = state.get("stages") or [None] * len(state["rows"])  # an earlier version has none
        for text, stage in zip(state["rows"], names, strict=True):
            values = {name: from_json(value) for name, value in json.loads(text).items()}
            self._note(values, stage)
        self.seconds = list(state["seconds"])
        self._started, self._trained, self._before = time.perf_counter(), 0.0, state["running"]
        if self._path is not None:
            self._rewrite(self._path)


def last_learning_rate(model: Any) -> float | None:
    """The learning rate of the last step; None if several optimizers have their own.

    The optimizer has the rate of the next step: for a schedule, the rate of the step before is
    computed.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if isinstance(optimizer, keras.optimizers.MultiOptimizer):
        return None
    rate = optimizer._learning_rate  # the public property is the rate of the next step
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        # It counts batches, also where gradients are accumulated.
        rate = rate(keras.ops.maximum(optimizer._iterations - 1, 0))
    return float(keras.ops.convert_to_numpy(rate))


class Finite(keras.callbacks.Callback):
    """Stops a run if its loss or a weight is not finite at the end of an epoch.

    Training steps check their own values; this covers the results of the validation and weights
    changed by callbacks.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = loss_names(self.model)
        for name in (*losses, *(f"val_{loss}" for loss in losses)):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise NotFinite(f"`{name}` became {word(value)} in epoch {epoch + 1}", epoch + 1)
        bad = not_finite(self.model)
        if bad is not None:
            raise NotFinite(
                f"the weight `{bad}` is no longer finite after epoch {epoch + 1}", epoch + 1
            )


def word(value: float) -> str:
    """The word for a number that is not finite."""
    return "NaN" if math.isnan(value) else "infinite"


def not_finite(model: keras.Model) -> str | None:
    """The path of the first variable of a model that is not finite, in the names of the spec."""
    bad = next((one.path for one in model.variables if not bool(all_finite([one]))), None)
    return None if bad is None else spec_name(bad)


# Batches ------------------------------------------------------------------------------------------

_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")


def hears_batches(callback: Any) -> bool:
    """Whether a callback does anything when a training batch begins or ends."""
    return _overrides(callback, _HOOKS)


def hears_test_batches(callback: Any) -> bool:
    """Whether a callback does anything when a validation batch begins or ends."""
    return _overrides(callback, _TEST_HOOKS)


def needs_each_batch(callback: Any) -> bool:
    """Whether a callback must be called for every batch, not only for the last one of several."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq != "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq != "epoch" or bool(callback._should_trace)
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return False  # the steps stop at a loss that is not finite
    return hears_batches(callback)


def _overrides(callback: Any, hooks: tuple[str, ...]) -> bool:
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )

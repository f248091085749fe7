"""What happens at the end of an epoch beside the spec's own callbacks: the history, the watch, the
check of weights.
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

from ..backend.inner_names import spec_name
from .atomic_files import cannot_write, write_bytes
from .checkpoints.store import as_text
from .events import Epoch, Watcher, loss_first
from .step import all_finite
from .training_state import as_json, from_json


class NotFinite(Exception):
    """A loss, a gradient or a weight is no longer a number."""

    def __init__(self, message: str, epoch: int, notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.notes = notes


class Stopped(Exception):
    """A signal asked for the end."""


class History(keras.callbacks.Callback):
    """A row of `history.csv` and a call of the watcher for each epoch, as it ends."""

    def __init__(self, path: Path | None, watcher: Watcher, examples: int) -> None:
        super().__init__()
        self.rows: dict[str, list[float]] = {}
        self.seconds: list[float] = []
        """Of each epoch."""
        self._texts: list[str] = []
        """A row each as JSON, made once: every checkpoint holds all of them."""
        self._path = path
        self._watcher = watcher
        self._examples = examples
        self._started = self._trained = time.perf_counter()
        self._before = 0.0
        self.ended_before = 0
        """How many epochs the file had when the run went on: some are computed once more."""

    @property
    def epochs(self) -> int:
        """How many ended."""
        return len(self.seconds)

    def begin(self) -> None:
        """No epoch yet: a run that begins again may have rows of before."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

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
        self._note(values)
        seconds, training = (
            self._before + end - self._started for end in (now, self._trained or now)
        )
        self.seconds.append(seconds)
        if self._path is not None:
            self._append()
        shown = {name: value for name, value in values.items() if name != "learning_rate"}
        self._watcher.epoch(Epoch(epoch + 1, shown, seconds, training, self._examples))

    def _note(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.rows.setdefault(name, []).append(value)
        self._texts.append(as_text({name: as_json(value) for name, value in values.items()}))

    def _written(self) -> int:
        """How many epochs the file has, below its header."""
        try:
            lines = self._path.read_bytes().count(b"\n") if self._path is not None else 0
        except OSError:
            return 0
        return max(lines - 1, 0)

    def _append(self) -> None:
        assert self._path is not None
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                self._write(file, self.epochs - 1)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _write(self, file: Any, first: int) -> None:
        """The rows from `first` on, below a header where there is none yet."""
        writer = csv.writer(file)
        if first == 0 and self.rows:
            writer.writerow(["epoch", *self.rows, "seconds"])
        for epoch in range(first, self.epochs):
            values = (values[epoch] for values in self.rows.values() if epoch < len(values))
            writer.writerow([epoch + 1, *values, round(self.seconds[epoch], 3)])

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> dict[str, Any]:
        """The history as JSON's values, with how long the running epoch took so far."""
        running = self._before + time.perf_counter() - self._started
        return {"rows": list(self._texts), "seconds": list(self.seconds), "running": running}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Back to what was captured, and the file with it: rows of epochs after it go."""
        self.ended_before = self._written()
        self.rows, self._texts = {}, []
        for text in state["rows"]:
            self._note({name: from_json(value) for name, value in json.loads(text).items()})
        self.seconds = list(state["seconds"])
        self._started, self._trained, self._before = time.perf_counter(), 0.0, state["running"]
        if self._path is not None:
            rewound = io.StringIO(newline="")
            self._write(rewound, 0)
            write_bytes(self._path, rewound.getvalue().encode())


def last_learning_rate(model: Any) -> float | None:
    """The learning rate of the last step that was taken; None where several optimizers have their
    own.

    The optimizer itself knows the rate of the next step: a schedule is asked for the one before.
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
    """Stops a run whose loss, or one of whose weights, is no longer a finite number at the end of
    an epoch.

    The steps look at theirs themselves; this is for what the validation finds, and what callbacks
    do to weights.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name in ("loss", "val_loss"):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise NotFinite(f"`{name}` became {word(value)} in epoch {epoch + 1}", epoch + 1)
        bad = not_finite(self.model)
        if bad is not None:
            raise NotFinite(
                f"the weight `{bad}` is no longer finite after epoch {epoch + 1}", epoch + 1
            )


def word(value: float) -> str:
    """What a number that is not finite is called."""
    return "NaN" if math.isnan(value) else "infinite"


def not_finite(model: keras.Model) -> str | None:
    """The path of the first variable of a model that is not finite, in the names of the spec."""
    bad = next((one.path for one in model.variables if not bool(all_finite([one]))), None)
    return None if bad is None else spec_name(bad)


# Batches ------------------------------------------------------------------------------------------

_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")


def hears_batches(callback: Any) -> bool:
    """Whether a callback does anything when a batch of the training begins or ends."""
    return _overrides(callback, _HOOKS)


def hears_test_batches(callback: Any) -> bool:
    """Whether a callback does anything when a batch of the validation begins or ends."""
    return _overrides(callback, _TEST_HOOKS)


def needs_each_batch(callback: Any) -> bool:
    """Whether a callback must be told of every single batch, rather than of the last one of
    several.
    """
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq != "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq != "epoch" or bool(callback._should_trace)
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return False  # the steps end at a loss that is not finite
    return hears_batches(callback)


def _overrides(callback: Any, hooks: tuple[str, ...]) -> bool:
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )

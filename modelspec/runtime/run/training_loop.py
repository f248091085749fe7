"""The training loop: epochs, steps, validation, callbacks, checkpoints and signals, in the order
that `fit` has them.

A run stands between two steps, nowhere else: there its state is taken (`state.py`), and from there
it goes on. The end of an epoch's steps is such a place, so that validation and whatever the
callbacks do at an epoch's end are done again by a run that goes on from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from modelspec.core.diagnostics import Diagnostic

from .averages import Averages
from .epoch_callbacks import History, Stopped, hears_batches, hears_test_batches, needs_each_batch
from .events import Watcher, loss_first
from .measures import results
from .nonfinite import Numbers
from .pacing import Pace
from .rehearsal import Rehearsal, whole_tracebacks
from .saver import Saver, Snapshot
from .signals import Signals
from .step import TestSteps, TrainingSteps
from .training_state import KeptCallback, State


@dataclass(frozen=True)
class Task:
    """What is to be trained on, and how long."""

    epochs: int
    steps: int
    """Of an epoch."""
    batches: Callable[[int, int], Any]
    """The dataset from an epoch and a step on, all epochs in a row."""
    validation: Any = None
    """A dataset, or None."""
    validation_steps: int = 0
    examples: Callable[[int, int], tuple[str, ...]] = lambda epoch, step: ()
    """Sentences on which examples a batch holds, by its epoch and step from 0."""


class Fitting:
    """One training of one compiled model, from its begin or from a checkpoint to its end."""

    def __init__(
        self,
        model: keras.Model,
        task: Task,
        *,
        history: History,
        callbacks: Sequence[KeptCallback] = (),
        own: Sequence[Any] = (),
        saver: Saver | None = None,
        signals: Signals | None = None,
        watcher: Watcher | None = None,
        on_nan: str = "stop",
    ) -> None:
        self.model, self.task, self.saver, self.history = model, task, saver, history
        self._signals, self._watcher = signals or Signals(), watcher or Watcher()
        self.state = State(model, callbacks)
        self.epoch = self.step = 0
        """Where it stands: the epoch, and how many of its steps are done."""
        self._training = TrainingSteps(model, roll_back=on_nan != "stop")
        self.test = TestSteps(model)
        """The steps of the validation; what is measured after the training takes them too."""
        self._averages = Averages(model)
        called = [one.callback for one in callbacks if not self._averages.replace(one.callback)]
        every = [history, *own, *called]
        self._hears = any(map(hears_batches, every))
        self._hears_test = any(map(hears_test_batches, every))
        self._pace = Pace(one_by_one=any(map(needs_each_batch, every)))
        self._test_pace = Pace(one_by_one=self._hears_test)
        self._callbacks = keras.callbacks.CallbackList(
            [*every, _InTurn()],
            add_history=True,
            add_progbar=False,
            model=model,
            verbose=0,
            epochs=task.epochs,
            steps=task.steps,
        )
        self.numbers = Numbers(self, on_nan)
        self._began = time.perf_counter()
        self._held: Snapshot | None = None
        """The end of this epoch's steps."""
        self._captured: Snapshot | None = None
        """The state after the last step, where it was taken already."""

    def rehearse(self, callbacks: Sequence[Any]) -> None:
        """Take the first step and end an epoch after it, with callbacks made for that alone; then
        everything is as before. To be called before `run`. Raises whatever Keras, TensorFlow or a
        callback raises.
        """
        with whole_tracebacks():
            batches = iter(self.task.batches(0, 0))
            self._training.make_variables(batches)
            Rehearsal(
                self.state, self.task, self._training, self.test, self._averages, callbacks
            ).take(batches)

    def run(self, start: Snapshot | None = None) -> None:
        """Train to the end. Raises `Stopped` after a signal, `NotFinite`, and whatever Keras
        raises.
        """
        model, task = self.model, self.task
        model.stop_training = False
        first = (start.epoch, start.step) if start is not None else (0, 0)
        iterator = iter(task.batches(*first))
        self._training.make_variables(iterator)
        if start is None:
            self.history.begin()
        self._callbacks.on_train_begin()
        if start is not None:
            self._go_on(start)
        logs: dict[str, Any] = {}
        for epoch in range(first[0], task.epochs):
            logs = self._epoch(epoch, iterator, resumed=start is not None and epoch == first[0])
            if model.stop_training:
                break
        self._keep_the_end()
        self._averages.finish()
        self._callbacks.on_train_end(logs)

    def _go_on(self, start: Snapshot) -> None:
        self.state.restore(start.tensors, start.state)
        self.history.restore(start.state["history"])
        for one in self._callbacks.callbacks:
            if hasattr(one, "ended_before") and one is not self.history:
                one.ended_before = self.history.ended_before
        self.numbers.restore(start.tensors, start.state["numbers"])
        self.epoch, self.step = start.epoch, start.step
        self._began = time.perf_counter() - start.state["seconds"]
        self.state.begin_again(self.epoch)

    def _epoch(self, epoch: int, iterator: Any, *, resumed: bool) -> dict[str, Any]:
        self._held = None
        if not resumed:
            self.epoch, self.step = epoch, 0
            self._averages.leave()
            self.model.reset_metrics()
            self._callbacks.on_epoch_begin(epoch)
            self.numbers.hold()
        while self.step < self.task.steps and not self.model.stop_training:
            self._some_steps(iterator)
        self._held = self.capture() if self.saver is not None else None
        logs = results(self.model)
        self._averages.enter()
        if self.task.validation is not None:
            with self.test.measuring():
                logs |= {f"val_{name}": value for name, value in self._validate().items()}
        self._callbacks.on_epoch_end(epoch, logs)
        if not self._is_last():
            self._heed_signals()
        return logs

    def _is_last(self) -> bool:
        return self.model.stop_training or self.epoch + 1 == self.task.epochs

    # Steps ----------------------------------------------------------------------------------------

    def _some_steps(self, iterator: Any) -> None:
        self._captured = None
        left = self.task.steps - self.step
        due = (
            self.saver.within(self.position, 0 if self.numbers.holds else self._pace.count)
            if self.saver
            else None
        )
        count = min(self._pace.count, left, left if due is None else due)
        if self._hears:
            self._callbacks.on_train_batch_begin(self.step)
        began = time.perf_counter()
        taken = self._training(iterator, count)
        self._pace.took(taken.steps, time.perf_counter() - began)
        first, self.step = self.step, self.step + taken.steps
        self.numbers.heed(taken, first)
        if self._hears:
            self._callbacks.on_train_batch_end(self.step - 1, taken.logs)
        if self._watcher.wants_steps:
            logs = {name: float(value) for name, value in taken.logs.items()}
            self._watcher.step(self.epoch + 1, self.step, loss_first(logs))
        if (
            self.saver is not None
            and self.saver.due.now(self.position)
            and not self.model.stop_training
        ):
            if self.saver.due.by_steps:
                self.numbers.hold()
            if self.saver.affords:
                self.saver.take(self.capture)
        self._heed_signals()

    @property
    def position(self) -> int:
        """How many steps the run has done, all epochs counted."""
        return self.epoch * self.task.steps + self.step

    # Validation -----------------------------------------------------------------------------------

    def _validate(self) -> dict[str, Any]:
        callbacks, steps = self._callbacks, self.task.validation_steps
        callbacks.on_test_begin()
        self.model.stop_evaluating = False
        iterator, step, logs = iter(self.task.validation), 0, {}
        while step < steps and not self.model.stop_evaluating:
            if self._hears_test:
                callbacks.on_test_batch_begin(step)
            began, count = time.perf_counter(), min(self._test_pace.count, steps - step)
            logs = dict(self.test(iterator, count))
            keras.ops.convert_to_numpy(next(iter(logs.values())))  # waits for the device
            self._test_pace.took(count, time.perf_counter() - began)
            step += count
            if self._hears_test:
                callbacks.on_test_batch_end(step - 1, logs)
            self._heed_signals()
        callbacks.on_test_end(logs)
        return logs

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> Snapshot:
        """Everything that the next step follows from, copied. Only between two steps of the
        training.
        """
        if self._captured is not None:
            return self._captured
        tensors, state = self.state.capture()
        back, numbers = self.numbers.capture()
        state |= {
            "history": self.history.capture(),
            "numbers": numbers,
            "seconds": self.seconds,
            "epoch": self.epoch,
            "step": self.step,
        }
        self._captured = Snapshot(self.position, {**tensors, **back}, state)
        return self._captured

    @property
    def seconds(self) -> float:
        """How long it took so far, the time before a resumption counted."""
        return time.perf_counter() - self._began

    def tell(self, found: Diagnostic) -> None:
        """Something that whoever watches should know."""
        self._watcher.warned((found,))

    def _heed_signals(self) -> None:
        """Commit where the run stands, or stood before the validation, and stop, where a signal
        asked for it.
        """
        if self._signals.asked is None:
            return
        if self.saver is not None:
            self.saver.commit(self._held or self.capture())
        raise Stopped

    def _keep_the_end(self) -> None:
        """The last checkpoint is the one that more epochs go on from: before the end of the last
        epoch.
        """
        if self.saver is not None and self._held is not None:
            self.saver.submit(self._held)
            self._held = None


class _InTurn(keras.callbacks.Callback):
    """Keeps Keras from calling the others' hooks of batches in another thread, where they would see
    later states.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Nothing: that it is here is what Keras looks at."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Nothing."""

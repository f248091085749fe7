"""The training loop: epochs, steps, validation, callbacks, checkpoints and signals, in the same
order as in `fit`.

The state of a run is captured only between two steps (`training_state.py`), and a resumed run
continues from there. The end of an epoch's steps is such a place, so a resumed run repeats the
validation and the callbacks of an epoch's end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from modelspec.core.diagnostics import Diagnostic

from ..backend.formula_schedule import set_epoch
from ..distributed.conduct import Conduct
from .averages import Averages
from .callback_calls import Calls, RunCallbacks
from .epoch_callbacks import History, Stopped
from .events import Watcher, loss_first
from .measures import results
from .nonfinite import Numbers
from .pacing import Pace
from .rehearsal import Rehearsal, whole_tracebacks
from .saver import Saver, Snapshot
from .signals import Signals
from .steps_of_group import steps_of
from .task import Task
from .trained_stages import StageOfRun
from .training_state import KeptCallback, State
from .xla_switch import XlaSwitch

if TYPE_CHECKING:
    from ..distributed.replicas import Group


class Fitting:
    """One training of one compiled model, from the start or from a checkpoint to the end: a whole
    run, or one of its stages.
    """

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
        stage: StageOfRun | None = None,
        group: Group | None = None,
    ) -> None:
        self.model, self.task, self.saver, self.history = model, task, saver, history
        self.stage = stage or StageOfRun()
        self.origin = origin = self.stage.origin
        self._signals, self._watcher = signals or Signals(), watcher or Watcher()
        self.state = State(model, [*callbacks, *self.stage.callbacks])
        self.epoch, self.step = origin.epoch, 0
        """The position: the epoch of the run, and the number of its completed steps."""
        steps = origin.position - origin.optimizer + task.epochs * task.steps
        for one in group.models if group is not None else (model,):
            set_epoch(one.optimizer, task.steps, steps)
        self._xla = XlaSwitch(self, self.stage.choices, alone=group is None)
        roll_back, jit = on_nan != "stop", self._xla.first
        self.training, self.test = steps_of(model, task.random, group, roll_back=roll_back, jit=jit)
        """The steps of the validation; on one device they are also used for measurements after the
        training.
        """
        self._conduct = Conduct(group)
        self._averages = Averages(model)
        self._callbacks = self._calls([history, *own], callbacks)
        self.pace = Pace(one_by_one=self._callbacks.one_by_one)
        self._test_pace = Pace(one_by_one=self._callbacks.hears_test)
        before = self.stage.before
        self.numbers: Numbers = Numbers(self, on_nan, before.numbers.left_out if before else ())
        self._began: float = before._began if before else time.perf_counter()
        self._held: Snapshot | None = None
        """The end of this epoch's steps."""
        self._captured: Snapshot | None = None
        """The state after the last step, if it was already captured."""

    def _calls(self, own: list[Any], callbacks: Sequence[KeptCallback]) -> Calls:
        """The calls of the callbacks: those of the run are set up by its first stage."""

        def called(kept: Sequence[KeptCallback]) -> list[Any]:
            return [one.callback for one in kept if not self._averages.replace(one.callback)]

        stage, task = self.stage, self.task
        self.run_callbacks: RunCallbacks = (
            stage.before.run_callbacks
            if stage.before is not None
            else RunCallbacks(
                self.model,
                [*own, *called(callbacks)],
                epochs=stage.planned or task.epochs,
                steps=task.steps,
            )
        )
        return Calls(
            self.model,
            self.run_callbacks,
            called(stage.callbacks),
            first_epoch=self.origin.epoch,
            epochs=task.epochs,
            steps=task.steps,
        )

    def rehearse(self, callbacks: Sequence[Any]) -> None:
        """Run the first step and the end of an epoch after it, with separate callbacks; then
        restore the previous state. Must be called before `run`. Raises the errors of Keras,
        TensorFlow and callbacks.
        """
        with whole_tracebacks():
            batches = iter(self._batches(self.origin.epoch, 0))
            self.training.make_variables(batches)
            Rehearsal(
                self.state, self.task, self.training, self.test, self._averages, callbacks
            ).take(batches)

    def run(self, start: Snapshot | None = None) -> None:
        """Train to the end. Raises `Stopped` after a signal, `NotFinite`, and the
        errors of Keras.
        """
        model = self.model
        model.stop_training = False
        first = (start.epoch, start.step) if start is not None else (self.origin.epoch, 0)
        iterator = iter(self._batches(*first))
        self.training.make_variables(iterator)
        if start is None and not self.origin.stage:
            self.history.begin()
        self._callbacks.on_train_begin()
        if start is not None:
            self._go_on(start)
        self._conduct.equalize(model)
        logs: dict[str, Any] = {}
        for epoch in range(first[0], self.end):
            logs = self._epoch(epoch, iterator, resumed=start is not None and epoch == first[0])
            if model.stop_training:
                break
        if self.ends_run:
            self._keep_the_end()
        self._averages.finish()
        self._callbacks.on_train_end(logs, last=self.ends_run)

    @property
    def _batches(self) -> Callable[[int, int], Any]:
        return self.task.shared or self.task.batches

    @property
    def end(self) -> int:
        """The epoch of the run after the last planned one of this stage."""
        return self.origin.epoch + self.task.epochs

    @property
    def ends_run(self) -> bool:
        """Whether the run ends with this stage: it is the last one, or a callback of the run has
        ended the training.
        """
        return self.stage.is_last or self._callbacks.ended_run

    def _go_on(self, start: Snapshot) -> None:
        self.state.restore(start.tensors, start.state)
        self.history.restore(start.state["history"])
        for one in self._callbacks.every:
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
            self._conduct.equalize(self.model)
            self.numbers.hold()
        self.training.at(self.epoch, self.position)
        while self.step < self.task.steps and not self.model.stop_training:
            self._some_steps(iterator)
        self._held = self.capture() if self.saver is not None else None
        logs = results(self.model)
        self._averages.enter()
        if self.task.validation is not None:
            with self.test.measuring():
                logs |= {f"val_{name}": value for name, value in self._validate().items()}
        self._callbacks.on_epoch_end(epoch, logs)
        self._conduct.agree_to_stop(self.model)
        if not self._is_last():
            self._heed_signals()
        return logs

    def _is_last(self) -> bool:
        ended = self.model.stop_training or self.epoch + 1 == self.end
        return ended and self.ends_run

    # Steps ----------------------------------------------------------------------------------------

    def _some_steps(self, iterator: Any) -> None:
        self._captured = None
        self._xla.heed(iterator)
        left = self.task.steps - self.step
        due = (
            self.saver.within(self.position, 0 if self.numbers.holds else self.pace.count)
            if self.saver
            else None
        )
        limits = [one for one in (due, self._xla.within(self.position)) if one is not None]
        count = self._conduct.count(min(self.pace.count, left, *limits), self._signals)
        if self._callbacks.hears:
            self._callbacks.on_train_batch_begin(self.step)
        self.training.at(self.epoch, self.position)
        began = time.perf_counter()
        taken = self.training(iterator, count)
        self.pace.took(taken.steps, time.perf_counter() - began)
        first, self.step = self.step, self.step + taken.steps
        self.numbers.heed(taken, first)
        if self._callbacks.hears:
            self._callbacks.on_train_batch_end(self.step - 1, taken.logs)
            self._conduct.agree_to_stop(self.model)
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
        """The number of completed steps of the run, over all epochs."""
        epochs = self.epoch - self.origin.epoch
        return self.origin.position + epochs * self.task.steps + self.step

    # Validation -----------------------------------------------------------------------------------

    def _validate(self) -> dict[str, Any]:
        callbacks, steps = self._callbacks, self.task.validation_steps
        callbacks.on_test_begin()
        self.model.stop_evaluating = False
        iterator, step, logs = iter(self.task.validation), 0, {}
        while step < steps and not self.model.stop_evaluating:
            if self._callbacks.hears_test:
                callbacks.on_test_batch_begin(step)
            count = self._conduct.count(min(self._test_pace.count, steps - step), self._signals)
            began = time.perf_counter()
            logs = dict(self.test(iterator, count))
            keras.ops.convert_to_numpy(next(iter(logs.values())))  # waits for the device
            self._test_pace.took(count, time.perf_counter() - began)
            step += count
            if self._callbacks.hears_test:
                callbacks.on_test_batch_end(step - 1, logs)
            self._heed_signals()
        callbacks.on_test_end(logs)
        return logs

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> Snapshot:
        """A copy of everything that the next step depends on. Call it only between two steps."""
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
            "stage": self.origin.as_json(),
        }
        self._captured = Snapshot(self.position, {**tensors, **back}, state)
        return self._captured

    @property
    def seconds(self) -> float:
        """The elapsed time in seconds, including the time before a resume."""
        return time.perf_counter() - self._began

    @property
    def execution(self) -> dict[str, Any]:
        """How the steps were run, and what calls of many steps gained, for the manifest."""
        gain = self.pace.gain
        return {
            "steps_per_call": self.pace.count,
            **({"speedup": round(gain, 2)} if gain is not None else {}),
            **self._xla.as_json(xla=bool(self.model.jit_compile)),
        }

    def warn(self, found: Diagnostic) -> None:
        """A warning for the watcher."""
        self._watcher.warned((found,))

    def _heed_signals(self) -> None:
        """Commit the current position of the run, or the one before the validation, and stop, if a
        signal requested it.
        """
        if not self._conduct.is_asked(self._signals):
            return
        if self.saver is not None:
            self.saver.commit(self._held or self.capture())
        raise Stopped

    def _keep_the_end(self) -> None:
        """The last checkpoint is the one from which further epochs continue: before the end of the
        last epoch.
        """
        if self.saver is not None and self._held is not None:
            self.saver.submit(self._held)
            self._held = None

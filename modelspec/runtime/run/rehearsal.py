"""Tries the first step of a training and the end of an epoch before the training.

The first batch or the end of an epoch may fail in ways that no check detects. Both are run once on
one batch, with separate callbacks and the functions that the training uses afterwards; then the
previous state is restored exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras

from .measures import results

if TYPE_CHECKING:
    from .averages import Averages
    from .step import TestSteps, TrainingSteps
    from .task import Task
    from .training_state import State


class Rehearsal:
    """Runs one step of a training, whose variables all exist, and the end of an epoch after it."""

    def __init__(
        self,
        state: State,
        task: Task,
        training: TrainingSteps,
        test: TestSteps,
        averages: Averages,
        callbacks: Sequence[Any],
    ) -> None:
        self._state, self._task = state, task
        self._training, self._test, self._averages = training, test, averages
        self._callbacks = [one for one in callbacks if not averages.replace(one)]

    def take(self, batches: Any) -> None:
        """Runs one step on the first batch. Raises whatever Keras, TensorFlow or a
        callback raises.
        """
        tensors, state = self._state.capture()
        try:
            self._take(batches)
        finally:
            self._state.model.stop_training = False
            self._state.restore(tensors, state)

    def _take(self, batches: Any) -> None:
        model = self._state.model
        for one in self._callbacks:
            one.set_params({"verbose": 0, "epochs": self._task.epochs, "steps": self._task.steps})
            one.set_model(model)
        self._call("on_train_begin")
        model.reset_metrics()
        self._call("on_epoch_begin", 0)
        self._call("on_train_batch_begin", 0)
        taken = self._training(batches, 1)
        if taken.good and taken.sound:  # otherwise the training handles it, by `on_nan`
            self._end_epoch(taken.logs)
        self._call("on_train_end", {})

    def _end_epoch(self, of_step: Any) -> None:
        self._call("on_train_batch_end", 0, _numbers(of_step))
        logs = _numbers(results(self._state.model))
        self._averages.enter()
        if self._task.validation is not None:
            logs |= {f"val_{name}": value for name, value in self._measured().items()}
        self._call("on_epoch_end", 0, logs)
        self._averages.leave()

    def _measured(self) -> dict[str, float]:
        self._call("on_test_begin")
        with self._test.measuring():
            self._call("on_test_batch_begin", 0)
            logs = _numbers(self._test(iter(self._task.validation), 1))
            self._call("on_test_batch_end", 0, logs)
        self._call("on_test_end", logs)
        return logs

    def _call(self, hook: str, *args: Any) -> None:
        for one in self._callbacks:
            getattr(one, hook)(*args)


def _numbers(logs: Any) -> dict[str, float]:
    """Logs as Keras passes them to callbacks."""
    return {name: float(value) for name, value in logs.items()}


@contextmanager
def whole_tracebacks() -> Iterator[None]:
    """Disables Keras's traceback filter, which removes the layer or metric that raised an error."""
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()

"""Calls the callbacks of a run, which last for all of its stages, and those of the current one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from .epoch_callbacks import hears_batches, hears_test_batches, needs_each_batch


class RunCallbacks:
    """The callbacks of a whole run. They are set up once, and count the epochs of the run."""

    def __init__(
        self, model: keras.Model, callbacks: Sequence[Any], *, epochs: int, steps: int
    ) -> None:
        self.called = tuple(callbacks)
        self.list = _listed(model, callbacks, epochs, steps, add_history=True)
        self.begun = False
        """Whether `on_train_begin` was called."""


class Calls:
    """Calls the callbacks of a run before those of a stage, for which epochs count from the
    beginning of the stage.
    """

    def __init__(
        self,
        model: keras.Model,
        run: RunCallbacks,
        own: Sequence[Any],
        *,
        first_epoch: int,
        epochs: int,
        steps: int,
    ) -> None:
        self._model, self._run, self._first = model, run, first_epoch
        self._own = _listed(model, own, epochs, steps) if own else None
        every = (*run.called, *own)
        self.hears = any(map(hears_batches, every))
        self.hears_test = any(map(hears_test_batches, every))
        self.one_by_one = any(map(needs_each_batch, every))
        self.ended_run = False
        """Whether a callback of the run ended the training, rather than one of the stage."""

    @property
    def every(self) -> tuple[Any, ...]:
        """All callbacks, in the order in which they are called."""
        return tuple(one for called in self._lists() for one in called.callbacks)

    def on_train_begin(self) -> None:
        """Once for the run, and for each stage."""
        if not self._run.begun:
            self._run.begun = True
            self._run.list.on_train_begin()
        if self._own is not None:
            self._own.on_train_begin()

    def on_train_end(self, logs: Any, *, last: bool) -> None:
        """`last`: the run ends with this stage."""
        for one in self._lists() if last else self._lists()[1:]:
            one.on_train_end(logs)

    def on_epoch_begin(self, epoch: int) -> None:
        self._run.list.on_epoch_begin(epoch)
        if self._own is not None:
            self._own.on_epoch_begin(epoch - self._first)

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self._run.list.on_epoch_end(epoch, logs)
        self._heed()
        if self._own is not None:
            self._own.on_epoch_end(epoch - self._first, logs)

    def on_train_batch_begin(self, step: int) -> None:
        self._call("on_train_batch_begin", step)

    def on_train_batch_end(self, step: int, logs: Any) -> None:
        self._call("on_train_batch_end", step, logs)

    def on_test_begin(self) -> None:
        self._call("on_test_begin")

    def on_test_end(self, logs: Any) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, step: int) -> None:
        self._call("on_test_batch_begin", step)

    def on_test_batch_end(self, step: int, logs: Any) -> None:
        self._call("on_test_batch_end", step, logs)

    def _call(self, hook: str, *args: Any) -> None:
        getattr(self._run.list, hook)(*args)
        self._heed()
        if self._own is not None:
            getattr(self._own, hook)(*args)

    def _lists(self) -> list[Any]:
        return [self._run.list, *([self._own] if self._own is not None else [])]

    def _heed(self) -> None:
        self.ended_run = self.ended_run or bool(self._model.stop_training)


class _InTurn(keras.callbacks.Callback):
    """Prevents Keras from calling batch hooks of other callbacks in another thread, where they
    would see later states.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Does nothing: Keras only checks that it exists."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Nothing."""


def _listed(
    model: keras.Model, called: Iterable[Any], epochs: int, steps: int, *, add_history: bool = False
) -> Any:
    return keras.callbacks.CallbackList(
        [*called, _InTurn()],
        add_history=add_history,
        add_progbar=False,
        model=model,
        verbose=0,
        epochs=epochs,
        steps=steps,
    )

"""Measures the training step with and without XLA on the next batches of a training, whose state is
afterwards as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..backend.native_output import loading_quietly

if TYPE_CHECKING:
    from .step import TrainingSteps
    from .training_state import State

ROUNDS = 3
"""So many calls are measured of each kind, in turn; the fastest counts."""
_FASTER = 1.05
"""With a smaller gain the measured difference may be chance."""


class Measured(NamedTuple):
    """The seconds of a step, and those that XLA took to compile."""

    plain: float
    xla: float
    compiling: float

    def pays(self, left: int, shapes: int) -> bool:
        """Whether XLA is faster in so many steps, with the compilations to come: that of the first
        shape of the batches is done.
        """
        gained = (self.plain - self.xla) * left
        return self.plain >= _FASTER * self.xla and gained > (shapes - 1) * self.compiling


class Place(NamedTuple):
    """Where a training is measured."""

    epoch: int
    position: int
    """The number of completed steps of the run."""
    calls: int
    """The number of steps of a measured call."""
    first: int
    """The number of steps of the first call, in which XLA compiles every shape that follows."""


class NotMeasured(Exception):
    """XLA cannot compile the step, or values were not finite."""

    def __init__(self, *, finite: bool) -> None:
        super().__init__()
        self.finite = finite


def measured(
    state: State,
    plain: TrainingSteps,
    make: Callable[[], TrainingSteps],
    batches: Callable[[], Any],
    place: Place,
) -> tuple[Measured, TrainingSteps]:
    """The times of steps, and the steps with XLA, which `make` creates and which are compiled.

    `batches` are those that follow. Raises `NotMeasured`.
    """
    tensors, values = state.capture()
    try:
        with loading_quietly():  # XLA logs its first compilation, and a step that it refuses
            steps = make()
            return _times(plain, steps, iter(batches()), place), steps
    finally:
        state.restore(tensors, values)


def _times(plain: Any, xla: Any, iterator: Any, place: Place) -> Measured:
    timing = _Timing(iterator, place)
    try:
        began = time.perf_counter()
        xla.make_variables(iterator)
        timing.seconds(xla, place.first)
        took = time.perf_counter() - began
        pairs = [[timing.seconds(one, place.calls) for one in (plain, xla)] for _ in range(ROUNDS)]
    except NotMeasured:
        raise
    except Exception as error:  # one of the data ends the training when it comes to that batch
        raise NotMeasured(finite=True) from error
    of_plain, of_xla = (min(each) / place.calls for each in zip(*pairs, strict=True))
    return Measured(of_plain, of_xla, max(0.0, took - of_xla * place.first))


class _Timing:
    """Runs steps at successive places of a training."""

    def __init__(self, iterator: Any, place: Place) -> None:
        self._iterator, self._epoch, self._position = iterator, place.epoch, place.position

    def seconds(self, steps: Any, count: int) -> float:
        """The time of a call of so many steps. Raises `NotMeasured`."""
        steps.at(self._epoch, self._position)
        began = time.perf_counter()
        taken = steps(self._iterator, count)
        took = time.perf_counter() - began
        if not (taken.good and taken.sound and taken.steps == count):
            raise NotMeasured(finite=False)
        self._position += count
        return took

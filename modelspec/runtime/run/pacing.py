"""How many steps are run before control returns to Python, and when a checkpoint is due.

Neither influences the results: many steps in one call are the same steps.
"""

from __future__ import annotations

import time

from modelspec.compiler.spec.checkpoint import Every

_SECONDS = 0.1
"""The target seconds of a call of many steps: signals and progress bars are delayed at most so
long.
"""
_MOST = 1024


class Pace:
    """The number of steps per call: few at first, then as many as take `_SECONDS`.

    The second call of a single step is measured, to report what more steps per call gain: the first
    one also optimizes the graph.
    """

    def __init__(self, *, one_by_one: bool) -> None:
        self._one_by_one = one_by_one
        self._count = 1
        self._calls = 0
        self._single: float | None = None
        """The seconds of a call of one step."""
        self._steps, self._seconds = 0, 0.0
        """Of the calls of at least half of the chosen number of steps."""
        self._gain: float | None = None
        self._counts_gain = True
        self.each: float | None = None
        """The seconds of a step, once the number of steps per call hardly changes."""

    @property
    def count(self) -> int:
        """The number of steps of the next call."""
        return self._count

    @property
    def gain(self) -> float | None:
        """The time of single steps divided by that of as many steps in calls of many; None if it
        was not measured.
        """
        if not self._counts_gain or self._single is None or not self._steps:
            return self._gain
        return self._single * self._steps / max(self._seconds, 1e-9)

    def keep_gain(self) -> None:
        """The steps to come take another time: they do not count for the gain."""
        self._gain, self._counts_gain = self.gain, False

    def took(self, steps: int, seconds: float) -> None:
        """Record the time of a call of so many steps."""
        self._calls += 1
        if self._calls == 1:
            return
        if self._one_by_one:
            self.each = seconds / max(steps, 1)
            return
        if steps == 1 and self._count == 1:
            self._single = min(seconds, self._single or seconds)
        elif 2 * steps >= self._count:
            self._steps, self._seconds = self._steps + steps, self._seconds + seconds
        fitting = int(steps * _SECONDS / max(seconds, 1e-9))
        # The first calls are slow, because TensorFlow optimizes its graph in them, and are not
        # representative.
        count = max(1, min(_MOST, fitting, 4 * self._count))
        if count >= 2 * self._count:
            self._steps, self._seconds = 0, 0.0
        else:
            self.each = seconds / max(steps, 1)
        self._count = count


class Due:
    """Determines when the next checkpoint is due."""

    def __init__(self, every: Every, steps: int, origin: int = 0) -> None:
        self._every = every
        self._origin = origin
        """The step of the run from which steps count."""
        self._distance = every.steps if every.steps is not None else (every.epochs or 0) * steps
        self._last = time.monotonic()

    @property
    def by_steps(self) -> bool:
        """Whether checkpoints are due by steps, not by time."""
        return self._distance > 0

    def within(self, position: int, most: int = 0) -> int | None:
        """The number of steps to the next checkpoint, or to the last one within the next `most`
        steps if there is one.

        None if checkpoints are due by time.
        """
        if not self._distance:
            return None
        following = self._distance - (position - self._origin) % self._distance
        return following + max(0, most - following) // self._distance * self._distance

    def now(self, position: int) -> bool:
        """Whether a checkpoint is due, `position` steps after the start of the run."""
        if self._distance:
            return (position - self._origin) % self._distance == 0
        return time.monotonic() - self._last >= (self._every.seconds or 0)

    def done(self) -> None:
        """Record that a checkpoint was taken."""
        self._last = time.monotonic()

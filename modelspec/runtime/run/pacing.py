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
    """The number of steps per call: few at first, then as many as take `_SECONDS`."""

    def __init__(self, *, one_by_one: bool) -> None:
        self._one_by_one = one_by_one
        self._count = 1

    @property
    def count(self) -> int:
        """The number of steps of the next call."""
        return self._count

    def took(self, steps: int, seconds: float) -> None:
        """Record the time of a call of so many steps."""
        if self._one_by_one:
            return
        fitting = int(steps * _SECONDS / max(seconds, 1e-9))
        # The first calls are slow, because TensorFlow optimizes its graph in them, and are not
        # representative.
        self._count = max(1, min(_MOST, fitting, 4 * self._count))


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

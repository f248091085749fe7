"""How many steps the loop takes before Python looks again, and when a checkpoint is due.

Neither has any influence on numbers: many steps in one call are the same steps.
"""

from __future__ import annotations

import time

from modelspec.compiler.spec.checkpoint import Every

_SECONDS = 0.1
"""How long a call of many steps should take: as long as a signal, or a bar on a terminal, may
wait.
"""
_MOST = 1024


class Pace:
    """How many steps a call takes: few at first, then as many as `_SECONDS` hold."""

    def __init__(self, *, one_by_one: bool) -> None:
        self._one_by_one = one_by_one
        self._count = 1

    @property
    def count(self) -> int:
        """Steps of the next call."""
        return self._count

    def took(self, steps: int, seconds: float) -> None:
        """A call of so many steps took so long."""
        if self._one_by_one:
            return
        fitting = int(steps * _SECONDS / max(seconds, 1e-9))
        # The first calls are slow, because TensorFlow plans its graph in them: they say little.
        self._count = max(1, min(_MOST, fitting, 4 * self._count))


class Due:
    """When the next checkpoint is due."""

    def __init__(self, every: Every, steps: int) -> None:
        self._every = every
        self._distance = every.steps if every.steps is not None else (every.epochs or 0) * steps
        self._last = time.monotonic()

    @property
    def by_steps(self) -> bool:
        """Whether steps decide, rather than time."""
        return self._distance > 0

    def within(self, position: int, most: int = 0) -> int | None:
        """How many steps there are to the next one, or to the last one of the next `most` steps if
        they hold any.

        None where steps do not decide.
        """
        if not self._distance:
            return None
        following = self._distance - position % self._distance
        return following + max(0, most - following) // self._distance * self._distance

    def now(self, position: int) -> bool:
        """Whether one is due, `position` steps after the run's begin."""
        if self._distance:
            return position % self._distance == 0
        return time.monotonic() - self._last >= (self._every.seconds or 0)

    def done(self) -> None:
        """One was taken."""
        self._last = time.monotonic()

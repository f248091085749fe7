"""What is saved of a training in progress, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.spec.checkpoint import Every

from ..data import RunError
from .checkpoints import Store, Writer
from .framework import cores
from .pacing import Due

_STATE = {
    "epoch": int,
    "step": int,
    "seconds": float,
    "history": dict,
    "numbers": dict,
    "callbacks": list,
    "random": dict,
}

_SHARE = 0.02
"""Of the training's time, which checkpoints may cost that follow each other closely."""
_FREE = 1.0
"""Seconds that they may cost before anybody counts."""
_APART = 1.0
"""Seconds from one to the next after which it is taken whatever it costs."""


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps."""

    position: int
    """Steps since the run's begin."""
    tensors: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def epoch(self) -> int:
        """From 0."""
        return int(self.state["epoch"])

    @property
    def step(self) -> int:
        """How many steps of the epoch are done; all of them before its validation."""
        return int(self.state["step"])


def latest(store: Store) -> Snapshot | None:
    """The newest snapshot that is whole; the store says which ones were refused.

    Raises `RunError` (MS722) where it is a whole checkpoint, but of something else.
    """
    found = store.latest()
    if found is None:
        return None
    if not all(isinstance(found.state.get(name), kind) for name, kind in _STATE.items()):
        raise RunError.of(
            "MS722", f"the checkpoint `{found.path}` is not one of a training by this version"
        )
    return Snapshot(found.position, found.tensors(), found.state)


class Saver:
    """Puts snapshots on disk in the background.

    Those that fall due within a second of each other are taken as long as they cost little: what a
    crash loses for want of one of them is less than a second's work.
    """

    def __init__(self, store: Store, every: Every, steps: int) -> None:
        self.store = store
        self.due = Due(every, steps)
        self._writer = Writer(store)
        self._last: int | None = None
        self._began = self._taken = time.monotonic()
        self._waited = 0.0
        """Seconds that the training has waited for snapshots."""

    @property
    def affords(self) -> bool:
        """Whether one that is due is to be taken."""
        now, cost = time.monotonic(), self._waited + self._writer.worked / cores()
        return now - self._taken >= _APART or cost <= _FREE + _SHARE * (now - self._began)

    def within(self, position: int, most: int) -> int | None:
        """How many steps there are to the next one; to the last of `most` steps where none is to be
        taken before.

        None where steps do not decide.
        """
        return self.due.within(position, 0 if self.affords else most)

    def take(self, capture: Callable[[], Snapshot]) -> None:
        """Have what `capture` gives written. Raises as `submit` does."""
        began = time.monotonic()
        self.submit(capture())
        self._taken = time.monotonic()
        self._waited += self._taken - began

    def submit(self, snapshot: Snapshot) -> None:
        """Have it written. Raises `RunError` (MS740) where an earlier one could not be."""
        if self._last != snapshot.position:
            self._writer.submit(snapshot.position, snapshot.tensors, snapshot.state)
        self._last = snapshot.position
        self.due.done()

    def commit(self, snapshot: Snapshot) -> None:
        """Have it written, and wait until it is. Raises as `submit` does."""
        self.submit(snapshot)
        self.settle()

    def settle(self) -> None:
        """Wait until what was handed over is on disk. Raises as `submit` does."""
        self._writer.wait()

    def went_on_from(self, snapshot: Snapshot) -> None:
        """This one is on disk already."""
        self._last = snapshot.position

    def close(self) -> None:
        """Wait for what is being written. Raises as `submit` does."""
        self._writer.close()

"""Decides what to save of a training in progress, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.spec.checkpoint import Checkpoint, Every

from ..data import RunError
from .checkpoints import Store, Writer
from .framework import cores
from .pacing import Due
from .snapshot_form import has_form

_SHARE = 0.02
"""The share of the training time that checkpoints in quick succession may take."""
_FREE = 1.0
"""Seconds that they may take before the limit applies."""
_APART = 1.0
"""Seconds after which the next checkpoint is taken regardless of its cost."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a training between two steps."""

    position: int
    """Steps since the start of the run."""
    tensors: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def epoch(self) -> int:
        """From 0."""
        return int(self.state["epoch"])

    @property
    def step(self) -> int:
        """The number of completed steps of the epoch; all of them before its validation."""
        return int(self.state["step"])


def latest(store: Store) -> Snapshot | None:
    """The newest undamaged snapshot; the store lists the rejected ones.

    Raises `RunError` (MS722) if it is an intact checkpoint with other contents.
    """
    found = store.latest()
    if found is None:
        return None
    if not has_form(found.state, found.tensors(), found.position):
        raise RunError.of(
            "MS722", f"the checkpoint `{found.path}` was not written by a training of this version"
        )
    return Snapshot(found.position, found.tensors(), found.state)


class Saver:
    """Writes snapshots to disk in the background.

    Snapshots that are due within a second of each other are taken only if they are cheap: without
    them a crash loses less than a second of work.
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
        """Whether a snapshot that is due should be taken."""
        now, cost = time.monotonic(), self._waited + self._writer.worked / cores()
        return now - self._taken >= _APART or cost <= _FREE + _SHARE * (now - self._began)

    def within(self, position: int, most: int) -> int | None:
        """The number of steps to the next snapshot, or `most` if none is due before.

        None if snapshots are due by time.
        """
        return self.due.within(position, 0 if self.affords else most)

    def begin_stage(self, chosen: Checkpoint, steps: int, position: int) -> None:
        """Take snapshots as a stage chooses that begins at `position`, with `steps` per epoch."""
        self.due = Due(chosen.every, steps, position)
        self.store.keep = chosen.keep

    def take(self, capture: Callable[[], Snapshot]) -> None:
        """Queue the result of `capture`. Raises as `submit` does."""
        began = time.monotonic()
        self.submit(capture())
        self._taken = time.monotonic()
        self._waited += self._taken - began

    def submit(self, snapshot: Snapshot) -> None:
        """Queue a snapshot. Raises `RunError` (MS740) if an earlier one could not be written."""
        if self._last != snapshot.position:
            self._writer.submit(snapshot.position, snapshot.tensors, snapshot.state)
        self._last = snapshot.position
        self.due.done()

    def commit(self, snapshot: Snapshot) -> None:
        """Write a snapshot and wait until it is on disk. Raises as `submit` does."""
        self.submit(snapshot)
        self.settle()

    def settle(self) -> None:
        """Wait until all queued snapshots are on disk. Raises as `submit` does."""
        self._writer.wait()

    def went_on_from(self, snapshot: Snapshot) -> None:
        """Record a snapshot that is already on disk."""
        self._last = snapshot.position

    def close(self) -> None:
        """Wait for pending writes. Raises as `submit` does."""
        self._writer.close()

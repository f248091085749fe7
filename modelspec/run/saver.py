"""What is saved of a training in progress, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..data import RunError
from ..spec.checkpoint import Every
from .checkpoints import Store, Writer
from .pace import Due

_STATE = {"epoch": int, "step": int, "seconds": float, "history": dict, "numbers": dict, "callbacks": list,
          "random": dict}  # fmt: skip


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
        raise RunError.of("MS722", f"the checkpoint `{found.path}` is not one of a training by this version")
    return Snapshot(found.position, found.tensors(), found.state)


class Saver:
    """Puts snapshots on disk in the background."""

    def __init__(self, store: Store, every: Every, steps: int) -> None:
        self.store = store
        self.due = Due(every, steps)
        self._writer = Writer(store)
        self._last: int | None = None

    def submit(self, snapshot: Snapshot) -> None:
        """Have it written. Raises `RunError` (MS740) where an earlier one could not be."""
        if self._last != snapshot.position:
            self._writer.submit(snapshot.position, snapshot.tensors, snapshot.state)
        self._last = snapshot.position
        self.due.done()

    def commit(self, snapshot: Snapshot) -> None:
        """Have it written, and wait until it is. Raises as `submit` does."""
        self.submit(snapshot)
        self._writer.wait()

    def went_on_from(self, snapshot: Snapshot) -> None:
        """This one is on disk already."""
        self._last = snapshot.position

    def close(self) -> None:
        """Wait for what is being written. Raises as `submit` does."""
        self._writer.close()

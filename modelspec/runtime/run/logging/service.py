"""What a service that runs are logged to has to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from ...history.run_files import MODEL, REPORT, RESOLVED

if TYPE_CHECKING:
    from ..loop_parts import Loop

ARTIFACTS = {"report": REPORT, "model": MODEL, "spec": RESOLVED}
"""Files of a run folder, by their name in `artifacts`."""


class Entry(NamedTuple):
    """Values that were logged together."""

    kind: Literal["epoch", "step"]
    step: int
    """The number of completed epochs of the run, or of its completed steps."""
    values: Mapping[str, float]

    def named(self) -> dict[str, float]:
        """The values by a name that differs between epochs and steps: `loss`, `step/loss`."""
        if self.kind == "epoch":
            return dict(self.values)
        return {f"step/{name}": value for name, value in self.values.items()}


@dataclass(frozen=True)
class LoggedRun:
    """A run that begins or continues."""

    folder: Path
    name: str
    """The name of the spec."""
    parameters: Mapping[str, Any]
    """The values of the resolved spec, the seed and the versions, by their path."""
    tags: Mapping[str, str]
    past: tuple[Entry, ...]
    """Everything that belongs to the run before it continues."""
    sent: Mapping[str, int]
    """The last step of each kind of entry that an earlier process logged. A part of it may be
    computed again, because a run resumes from a checkpoint.
    """
    known: str | None
    """The name that the service gave this run earlier, e.g. its `run_id`."""
    online: bool
    """Whether the host of the service is allowed."""
    loop: Loop
    """The model and the data."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    outcome: Literal["completed", "failed", "interrupted"]
    epochs: int
    metrics: Mapping[str, float]
    """The final metrics by name: `test_accuracy`."""


class Service(Protocol):
    """A service. Every method may raise: errors become warnings."""

    run_id: str | None
    """The name of the run in the service, for the manifest; None if it has none."""

    def start(self, run: LoggedRun) -> None:
        """Called before the training, with what was logged before if it is resumed."""

    def log(self, entry: Entry) -> None:
        """Called in order; an entry that failed is passed again."""

    def finish(self, ended: Ended) -> None:
        """Called once, when all files of the run are written."""


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Sets environment variables that are not set, inside the context."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)

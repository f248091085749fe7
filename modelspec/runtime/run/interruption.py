"""How a run ends where a signal asks it to: what the caller of `train` and `resume` sees."""

from __future__ import annotations

from pathlib import Path

from modelspec.errors import Interrupted

__all__ = ["Abandoned", "Interrupted"]


class Abandoned(KeyboardInterrupt):
    """A second signal ended a run at once: what it was writing is lost, and `resume` goes on from
    what it had saved.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(directory)

    def __str__(self) -> str:
        return (
            f"ended at once; `modelspec resume {self.directory}` continues from the last checkpoint"
        )

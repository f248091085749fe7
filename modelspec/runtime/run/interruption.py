"""How a run ends where a signal asks it to: what the caller of `train` and `resume` sees."""

from __future__ import annotations

from pathlib import Path


class Interrupted(KeyboardInterrupt):
    """A signal ended a run. `resume` goes on with it, and ends where it would have ended."""

    def __init__(self, directory: Path, signal: str, epochs: int, step: int = 0) -> None:
        self.directory = directory
        self.signal = signal
        self.epochs = epochs
        """How many were completed."""
        self.step = step
        """How many steps of the next one were."""
        super().__init__(
            f"{signal} after {epochs} epochs and {step} steps; `modelspec resume {directory}`"
            " goes on"
        )


class Abandoned(KeyboardInterrupt):
    """A second signal ended a run at once: what it was writing is lost, and `resume` goes on from
    what it had saved.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(
            f"ended at once; `modelspec resume {directory}` goes on from the last checkpoint"
        )

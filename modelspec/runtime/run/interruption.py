"""The errors for runs that a signal ended, as raised by `train` and `resume`."""

from __future__ import annotations

from pathlib import Path

from modelspec.errors import Interrupted

__all__ = ["Abandoned", "Interrupted"]


class Abandoned(KeyboardInterrupt):
    """A second signal ended a run immediately: unfinished files are lost, and `resume` continues
    from the last checkpoint.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(directory)

    def __str__(self) -> str:
        return (
            f"ended immediately; `modelspec resume {self.directory}` continues from the last"
            " checkpoint"
        )

    def _render_traceback_(self) -> list[str]:
        """The display in IPython: one line, as for `Interrupted`."""
        again = f"`ms.resume({str(self.directory)!r})` continues from the last checkpoint"
        return [f"Abandoned: ended immediately; {again}"]

"""The errors that the Python API raises. All of them can be pickled, and cross processes so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

from .core.diagnostics import Diagnostic, Note
from .core.diagnostics.render.text import block, count

_SHOWN: Final = 5
"""Errors that the message of an exception has in full."""


class _Diagnosed(Exception):
    """An error that holds diagnostics. They are its arguments, which pickle and copy keep."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics without warnings and notes."""
        return tuple(one for one in self.diagnostics if one.severity == "error")

    def to_dict(self) -> dict[str, Any]:
        """`{"type", "message", "diagnostics"}` of JSON's own types; a diagnostic has the fields of
        `modelspec check --format json`.
        """
        return {
            "type": type(self).__name__,
            "message": str(self),
            "diagnostics": [one.to_dict() for one in self.diagnostics],
        }


class SpecError(_Diagnosed, ValueError):
    """A spec has errors. `diagnostics` lists every one, in file order, with its place."""

    def __str__(self) -> str:
        """How many errors there are, and the first of them with their lines and carets."""
        shown = "\n\n".join(block(one) for one in self.errors[:_SHOWN])
        rest = len(self.errors) - _SHOWN
        more = f"\n\n{rest:,} more: see .diagnostics" if rest > 0 else ""
        return f"the spec has {count(self.errors)}\n\n{shown}{more}"


class RunError(_Diagnosed):
    """The data or the run failed. `diagnostics` lists every fault."""

    def __str__(self) -> str:
        """The first error on one line, and how many there are."""
        more = len(self.errors) - 1
        rest = f" (and {more} more: see .diagnostics)" if more > 0 else ""
        return f"{self.errors[0]}{rest}" if self.errors else "the run failed"

    @classmethod
    def of(
        cls, code: str, message: str, *, help: str | None = None, notes: Iterable[str] = ()
    ) -> Self:
        """An error of one fault that has no place in a spec."""
        return cls(
            [Diagnostic(code, "error", message, None, tuple(Note(text) for text in notes), help)]
        )


class DataError(RunError):
    """The data cannot be used as the spec says."""


class Interrupted(KeyboardInterrupt):
    """A signal ended a run. `resume` continues it, and ends where it would have ended."""

    def __init__(self, directory: Path, signal: str, epochs: int, step: int = 0) -> None:
        self.directory = directory
        self.signal = signal
        self.epochs = epochs
        """How many were completed."""
        self.step = step
        """How many steps of the next one were."""
        super().__init__(directory, signal, epochs, step)

    def __str__(self) -> str:
        return (
            f"{self.signal} after {self.epochs} epochs and {self.step} steps;"
            f" `modelspec resume {self.directory}` continues it"
        )

    def to_dict(self) -> dict[str, Any]:
        """`{"type", "message", "directory", "signal", "epochs", "step"}` of JSON's own types."""
        return {
            "type": type(self).__name__,
            "message": str(self),
            "directory": str(self.directory),
            "signal": self.signal,
            "epochs": self.epochs,
            "step": self.step,
        }

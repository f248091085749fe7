"""The errors that the Python API raises. All of them can be pickled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from .core.diagnostics import Diagnostic, Note
from .core.diagnostics.render.text import block, count

_SHOWN: Final = 5
"""Errors that the message of an exception shows in full."""


class _Diagnosed(Exception):
    """An error with diagnostics, which are its arguments, so that pickle and copy keep them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics without warnings and notes."""
        return tuple(one for one in self.diagnostics if one.severity == "error")

    def to_dict(self) -> dict[str, object]:
        """`{"type", "message", "diagnostics"}` as JSON types; a diagnostic has the fields of
        `modelspec check --format json`.
        """
        return {
            "type": type(self).__name__,
            "message": str(self),
            "diagnostics": [one.to_dict() for one in self.diagnostics],
        }


class SpecError(_Diagnosed, ValueError):
    """A spec has errors. `diagnostics` lists all of them in file order, with their places."""

    def __str__(self) -> str:
        """The number of errors, and the first ones with their lines and carets."""
        shown = "\n\n".join(block(one) for one in self.errors[:_SHOWN])
        rest = len(self.errors) - _SHOWN
        more = f"\n\n{rest:,} more: see .diagnostics" if rest > 0 else ""
        return f"the spec has {count(self.errors)}\n\n{shown}{more}"


class RunError(_Diagnosed):
    """The data or the run failed. `diagnostics` lists every fault."""

    def __str__(self) -> str:
        """The first error on one line, and the number of others."""
        more = len(self.errors) - 1
        rest = f" (and {more} more: see .diagnostics)" if more > 0 else ""
        return f"{self.errors[0]}{rest}" if self.errors else "the run failed"

    @classmethod
    def of(
        cls, code: str, message: str, *, help: str | None = None, notes: Iterable[str] = ()
    ) -> Self:
        """An error with a single fault that has no place in a spec."""
        return cls(
            [Diagnostic(code, "error", message, None, tuple(Note(text) for text in notes), help)]
        )


class DataError(RunError):
    """The data cannot be used with the spec."""


class Interrupted(KeyboardInterrupt):
    """A signal ended a run. `resume` continues it, with the same result as without the signal."""

    def __init__(self, directory: Path, signal: str, epochs: int, step: int = 0) -> None:
        self.directory = directory
        self.signal = signal
        self.epochs = epochs
        """The number of completed epochs."""
        self.step = step
        """The number of completed steps of the next epoch."""
        super().__init__(directory, signal, epochs, step)

    def __str__(self) -> str:
        return f"{self._reached}; `modelspec resume {self.directory}` continues it"

    @property
    def _reached(self) -> str:
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"{self.signal} after {epochs} and {self.step} step{'' if self.step == 1 else 's'}"

    def _render_traceback_(self) -> list[str]:
        """The traceback in IPython: one line, since the user knows which cell was stopped."""
        return [f"Interrupted: {self._reached}; `ms.resume({str(self.directory)!r})` continues it"]

    def to_dict(self) -> dict[str, object]:
        """`{"type", "message", "directory", "signal", "epochs", "step"}` as JSON types."""
        return {
            "type": type(self).__name__,
            "message": str(self),
            "directory": str(self.directory),
            "signal": self.signal,
            "epochs": self.epochs,
            "step": self.step,
        }

"""Why no spec can be written for some data."""

from __future__ import annotations

from collections.abc import Sequence

from modelspec.core.diagnostics import Diagnostic


class NoDraft(Exception):
    """No spec can be written for the data: a sentence about the reason, and the fix."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    @classmethod
    def of(cls, diagnostics: Sequence[Diagnostic]) -> NoDraft:
        """From the first error of a reader of data."""
        first = next((one for one in diagnostics if one.severity == "error"), diagnostics[0])
        return cls(f"{first.message} ({first.code})", first.help)

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message

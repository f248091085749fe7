"""Errors of the data or a run: collects diagnostics, and raises them as one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from modelspec.core.diagnostics import Collector, Diagnostic, Severity
from modelspec.errors import DataError, RunError

__all__ = ["MAX_OF_A_KIND", "DataError", "Findings", "RunError", "places"]

MAX_OF_A_KIND = 10
"""How many diagnostics of one code are reported singly, and how many places one names."""


class Findings(Collector):
    """Errors in data: at most ten of a kind are reported singly, the others as a count."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[tuple[str, Severity]] = Counter()

    def add(self, diagnostic: Diagnostic) -> None:
        kind = (diagnostic.code, diagnostic.severity)
        self._counts[kind] += 1
        if self._counts[kind] <= MAX_OF_A_KIND:
            super().add(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings in order, and a count for each kind that exceeds the limit."""
        more = [
            Diagnostic(code, severity, f"{count - MAX_OF_A_KIND:,} more of the same kind", None)
            for (code, severity), count in self._counts.items()
            if count > MAX_OF_A_KIND
        ]
        return (*self.found, *more)

    @property
    def ok(self) -> bool:
        return not self.has_errors

    def stop_if_wrong(self) -> None:
        """Raises `DataError` where there is an error."""
        if not self.ok:
            raise DataError(self.diagnostics)


def places(items: Iterable[str], count: int) -> tuple[str, ...]:
    """Up to ten places as one note: `also at a.csv:7, a.csv:12 and 40 more`. The first is in
    the message.
    """
    rest = list(items)[1:MAX_OF_A_KIND]
    if not rest:
        return ()
    left = count - 1 - len(rest)
    return (f"also at {', '.join(rest)}{f' and {left:,} more' if left > 0 else ''}",)

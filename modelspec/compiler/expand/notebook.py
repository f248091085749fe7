"""Where expansion writes down what it finds."""

from __future__ import annotations

from typing import Final

from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span

MOST: Final = 1_000


class Enough(Exception):
    """So many faults that looking for more is of no use."""


class Notebook:
    """The faults found so far."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def report(self, fault: Fault, span: Span, *notes: Note) -> None:
        """Note down a fault. Raises `Enough` where there are too many."""
        self.found.append(fault.at(span, notes))
        if len(self.found) >= MOST:
            raise Enough

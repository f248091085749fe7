"""Rows of a source that cannot be read and are skipped: which, and why."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Diagnostic, Note

from . import column_report
from .column_check import ColumnCheck, Found
from .errors import MAX_OF_A_KIND, Findings, RunError
from .filtered import FilteredTable
from .table import Array, Table

_KINDS = ("text_cells", "no_dates", "lost", "inexact", "nan", "infinite", "fractions")
"""The problem with the values of one row, whatever the policy for missing ones."""


class SkippedRow(NamedTuple):
    """A row that cannot be read."""

    number: int
    """In its source, from 1."""
    place: str
    """In the form for messages: `new.csv:7`."""
    reason: str
    id: str | None = None
    """Its cell in the column of ids, if one was requested; empty if that cannot be read."""


class SkippedRows:
    """Collects the rows of one source that cannot be read."""

    def __init__(self) -> None:
        self._found: dict[int, SkippedRow] = {}
        self.in_windows = False
        """Whether an example is a window of rows."""

    def add(self, number: int, place: str, reason: str) -> None:
        """Notes a row by its number, from 1. The first problem is the reason."""
        self._found.setdefault(number, SkippedRow(number, place, reason))

    def listed(self) -> tuple[SkippedRow, ...]:
        """The rows in the source's order."""
        return tuple(self._found[number] for number in sorted(self._found))

    def with_ids(self, table: Table, column: str | None) -> tuple[SkippedRow, ...]:
        """The same, with the cells of a column of the table."""
        found = self.listed()
        if column is None or not found:
            return found
        if isinstance(table, FilteredTable):  # rows with unreadable files have readable cells
            table = table.whole
        cells = table.column(column, text=True)
        places = np.arange(len(cells)) if table.source_places is None else table.source_places
        at = {int(place) + 1: row for row, place in enumerate(places)}
        return tuple(
            one._replace(id=str(cells[at[one.number]]) if one.number in at else "") for one in found
        )

    def warning(self, table: Table, kept: int) -> Diagnostic:
        """MS733: the number of skipped rows, with the first reasons."""
        found = self.listed()
        rows = "1 row" if len(found) == 1 else f"{len(found):,} rows"
        notes = tuple(Note(f"row {one.number:,}: {one.reason}") for one in found[:MAX_OF_A_KIND])
        return Diagnostic(
            "MS733",
            "warning",
            f"{rows} of {table.name} cannot be read and {'gets' if len(found) == 1 else 'get'} no"
            f" prediction{self._windows}; {kept:,} {'row gets' if kept == 1 else 'rows get'} one",
            None,
            notes,
        )

    @property
    def _windows(self) -> str:
        return ", and neither does a window that contains one" if self.in_windows else ""

    def leave_out(self, checks: Iterable[ColumnCheck], table: Table, rows: Array) -> Array:
        """The `rows` without those in which a column has a problem, which is then dropped from the
        checks. Raises `RunError` (MS734) if no row is left.
        """
        bad: dict[int, tuple[ColumnCheck, str, tuple[Any, Any]]] = {}
        for check in checks:
            if check.kind is None or not check.takes(check.kind):
                continue
            lacking = ("lacking",) if check.policy in ("error", "drop") else ()
            for kind in (*_KINDS, *lacking):
                found: Found = getattr(check, kind)
                for index, value in found.every or ():
                    bad.setdefault(index[0], (check, kind, (index, value)))
                setattr(check, kind, Found(every=[]))
        places = row_places(table, sorted(bad))
        for row, (check, kind, entry) in bad.items():
            place = places[row]
            number = row if table.source_places is None else int(table.source_places[row])
            self.add(number + 1, place, _reason(check, kind, entry, place))
        kept = rows[~np.isin(rows, list(bad))] if bad else rows
        if not len(kept) and self._found:
            raise self.none_left(table.name)
        return kept

    def none_left(self, name: str) -> RunError:
        """MS734: a source without any readable row."""
        return RunError.of(
            "MS734",
            f"no row of {name} can be read; first problem: {self.listed()[0].reason}",
            help="fix the file; `--errors skip` requires at least one readable row",
        )


def keep_every(checks: Iterable[ColumnCheck]) -> None:
    """Make checks record every place with a problem."""
    for check in checks:
        for kind in (*_KINDS, "lacking"):
            getattr(check, kind).every = []


def _reason(check: ColumnCheck, kind: str, entry: tuple[Any, Any], place: str) -> str:
    """The message of `column_report` for a column with only this problem."""
    index, value = entry
    alone = copy(check)
    for other in (*_KINDS, "lacking"):
        setattr(alone, other, Found())
    setattr(alone, kind, Found(1, [index], [value]))
    alone.table = placed(check.table, place)
    findings = Findings()
    column_report.report(alone, findings, drop=False)
    said = [one.message for one in findings.diagnostics if one.severity == "error"]
    return said[0] if said else f"`{check.name}` cannot be read at {place}"


class _Placed:
    """A table that knows the place of the current row."""

    def __init__(self, table: Table, place: str) -> None:
        self._table, self._place = table, place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def place(self, name: str, index: tuple[int, ...]) -> str:
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        return f"{self._place}{inner}"


def placed(table: Table, place: str) -> Any:
    """A table that knows the place of the current row."""
    return _Placed(table, place)


def row_places(table: Table, rows: list[int]) -> dict[int, str]:
    """The places of rows, found in one pass."""
    lines = getattr(table, "places_of", None)
    if lines is not None:
        return dict(zip(rows, lines(rows), strict=True))
    name = table.names[0]
    return {row: table.place(name, (row,)) for row in rows}

"""A column that defines slices: the value, or the range of values, of each example."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from modelspec.compiler.expand.row_types import Kind
from modelspec.compiler.spec.data_slices import Slice, shown
from modelspec.compiler.spec.data_split import border_key
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.compiler.spec.slice_names import MISSING
from modelspec.compiler.spec.times import read_time
from modelspec.core.diagnostics import Fault, Span

from .errors import Findings
from .row_cells import kind_of_dtype, made_ready
from .row_values import Unread, Vector
from .split import Positions
from .table import Array, Table, fail

MOST: Final = 50
"""The most values of a column that are measured separately."""
_MISSING_CODE: Final = -1


def kind_of(entry: Slice, table: Table, said: Kind | None) -> Kind | None:
    """How the values of a column are read; None: as stored in the source."""
    if entry.bins is not None:
        return "text" if entry.of_times else "number"
    if not table.as_written:
        return None
    return said or "text"


@dataclass
class SliceColumn:
    """A column of `slices`: the number of the value, or of the range, for each example."""

    entry: Slice
    table: Table
    kind: Kind | None
    format: NumberFormat | None
    span: Span | None
    bins_span: Span | None
    codes: list[Array] = field(default_factory=list)
    names: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """By slice name: the number of a value, and the value; empty with `bins`."""
    order: Positions | None = None
    """The position of each example among those that were read."""

    @property
    def as_text(self) -> bool:
        """Whether the cells are read as strings, if the source contains text."""
        return self.table.as_written and (self.kind == "text" or self.format is not None)

    def add(self, values: Array, rows: Positions) -> None:
        """Adds rows of the source. Raises `DataError`: MS815 for arrays, MS820 for a cell that does
        not fit into the bins.
        """
        kind = self.kind or kind_of_dtype(values.dtype)
        if values.ndim != 1 or (values.dtype.kind == "O" and _holds_arrays(values)):
            raise fail(self._of_arrays(), self.span)
        try:
            vector = made_ready(self.entry.column, values, kind, self.table, self.format)
            self.codes.append(self._coded(vector))
        except Unread as unread:
            raise fail(self._unread(unread, rows), self.bins_span) from None

    def _coded(self, vector: Vector) -> Array:
        """The number of the value, or of the range, of each row."""
        given = np.flatnonzero(~vector.lacking(len(vector.values)))
        found = np.full(len(vector.values), _MISSING_CODE, np.int64)
        values = vector.values[given]
        if self.entry.bins is None:
            found[given] = self._of_values(values)
        elif self.entry.of_times:
            found[given] = self._of_times(values, given)
        else:
            found[given] = np.searchsorted(np.asarray(self.entry.bins), values, side="right")
        return found

    def _of_values(self, values: Array) -> Array:
        """Numbers by slice name: new slices get the next numbers."""
        if values.dtype.kind != "O":
            distinct, places = np.unique(values, return_inverse=True)
            return np.array([self._number(one) for one in distinct], np.int64)[places]
        known: dict[Any, int] = {}
        for one in values:
            if one not in known:
                known[one] = self._number(one)
        return np.array([known[one] for one in values], np.int64)

    def _number(self, value: Any) -> int:
        name = shown(value)
        if name == MISSING:
            return _MISSING_CODE
        number, _ = self.names.setdefault(name, (len(self.names), value))
        return number

    def _of_times(self, cells: Array, rows: Array) -> Array:
        assert self.entry.bins is not None
        edges: list[Any] = [border_key(one) for one in self.entry.bins]
        known: dict[Any, int] = {}
        for row, cell in zip(rows, cells, strict=True):
            if cell not in known:
                time = read_time(str(cell).strip())
                if time is None or time.offset != edges[0].offset:
                    raise Unread(f'"{cell}"', int(row), _no_time(time, edges[0].offset))
                known[cell] = bisect_right(edges, time)
        return np.array([known[cell] for cell in cells], np.int64)

    # Faults ---------------------------------------------------------------------------------------

    def _of_arrays(self) -> Fault:
        return Fault(
            "MS815",
            f"`{self.entry.column}` of {self.table.name} has an array per example, but slices"
            " require a column with one value per example",
            help="name a column of numbers or strings",
        )

    def _unread(self, unread: Unread, rows: Positions) -> Fault:
        place = self.table.place(self.entry.column, (int(rows[unread.row]),))
        what = "times" if self.entry.of_times else "numbers"
        return Fault(
            "MS820",
            f"{unread.shown} of `{self.entry.column}` at {place} {unread.why}, but `bins` are"
            f" ranges of {what}",
            help="correct the cell, or remove `bins`",
        )

    # Slices ---------------------------------------------------------------------------------------

    def members(self, part: str, findings: Findings) -> Iterator[tuple[str, Array]]:
        """The slices that have examples, by name, and which examples these are, as [examples] of
        `bool`. Of more than `MOST` values only the most frequent ones, with a warning (MS819).
        `part` is the name of the examples in messages.
        """
        codes = np.concatenate(self.codes)[self.order]
        labels, counts = self._labels(), np.bincount(codes[codes >= 0])
        kept = [code for code in labels if code < len(counts) and counts[code]]
        if len(kept) > MOST:
            self._report_many(len(kept), part, findings)
            frequent = frozenset(sorted(kept, key=lambda code: -counts[code])[:MOST])
            kept = [code for code in kept if code in frequent]
        for code in kept:
            yield self.entry.named(labels[code]), codes == code
        if (codes == _MISSING_CODE).any():
            yield self.entry.named(MISSING), codes == _MISSING_CODE

    def _labels(self) -> dict[int, str]:
        """The names of values, or of ranges, by number, in order."""
        if self.entry.bins is not None:
            return dict(enumerate(self.entry.bin_names))
        texts = any(isinstance(value, str) for _, value in self.names.values())
        order = sorted(self.names.items(), key=lambda one: one[0] if texts else one[1][1])
        return {number: name for name, (number, _) in order}

    def _report_many(self, count: int, part: str, findings: Findings) -> None:
        numbers = not any(isinstance(value, str) for _, value in self.names.values())
        findings.warning(
            "MS819",
            f"`{self.entry.column}` has {count:,} values in the {part} part, but only slices of"
            f" the {MOST} most frequent ones are measured",
            self.span,
            help=(
                f"define ranges: `{{column: {self.entry.column}, bins: [...]}}`"
                if numbers
                else "name a column with fewer values"
            ),
        )


def _holds_arrays(values: Array) -> bool:
    return isinstance(next(iter(values), ""), (list, tuple, np.ndarray, dict))


def _no_time(time: Any, offset: bool) -> str:
    if time is None:
        return "is not a time"
    has, other = ("no", "one") if offset else ("a", "none")
    return f"has {has} UTC offset, but the edges have {other}"

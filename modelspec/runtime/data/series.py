"""The rows of a source in the order of their series, which windows and earlier rows are counted
in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.data_window import Window

from .errors import Findings
from .split import Positions
from .split_column import CountedSource, SplitColumn
from .table import Array, Table


@dataclass(frozen=True)
class Series:
    """Rows, one series after the other. A segment is a run of adjacent rows of one series and one
    part.
    """

    rows: Positions
    """The rows of the source in the order of their series."""
    begins: Positions
    """For each position in this order, the position of the first row of its segment."""
    ends: Positions
    """The same for the last row."""
    group: Positions
    """For each position, the number of its series."""
    labels: tuple[str, ...] = ()
    """The names of the series; empty if all rows are one series."""
    ranks: Array | None = None
    """The column by which the rows are ordered; None: by their position in the source."""

    def cut(self, parts: Mapping[str, Positions]) -> Series:
        """The same series, in segments that also end where a part ends."""
        part = np.full(len(self.rows), -1, np.int64)
        for number, positions in enumerate(parts.values()):
            part[positions] = number
        return _segments(self.rows, self.group, part[self.rows], self.labels, self.ranks)


def one_series(count: int) -> Series:
    """The rows of a source in its own order."""
    rows = np.arange(count, dtype=np.int64)
    return _segments(rows, np.zeros(count, np.int64), np.zeros(count, np.int64), (), None)


def series_of(data: DataSection, table: Table, findings: Findings) -> Series:
    """The rows of a source by the columns in `data.window`. Raises `DataError`."""
    window = data.window
    count = row_count(table, window)
    if window is None or (window.by is None and window.order is None):
        return one_series(count)
    source = CountedSource(table, count, None)
    ranks = _ranks(data, window, source, findings) if window.order is not None else None
    group, labels = np.zeros(count, np.int64), np.zeros(0, object)
    if window.by is not None and (by := _column(data, "by", source, findings)) is not None:
        labels, group = np.unique(by, return_inverse=True)
    findings.stop_if_wrong()
    order = np.lexsort((np.arange(count) if ranks is None else ranks, group))
    rows = order.astype(np.int64)
    names = tuple(str(one) for one in labels)
    found = _segments(rows, group[rows], np.zeros(count, np.int64), names, ranks)
    if ranks is not None:
        _report_equal(data, found, ranks, source, findings)
    return found


def row_count(table: Table, window: Window | None = None) -> int:
    """The number of rows of a source, which some kinds reveal only when they are read."""
    if table.count is not None:
        return table.count
    named = (window.by, window.order) if window is not None else ()
    name = next((one for one in named if one is not None and one in table), table.names[0])
    return sum(len(block[name]) for block in table.blocks((name,)))


def _segments(
    rows: Positions, group: Positions, part: Positions, labels: tuple[str, ...], ranks: Array | None
) -> Series:
    places = np.arange(len(rows), dtype=np.int64)
    new = np.ones(len(rows), bool)
    new[1:] = (group[1:] != group[:-1]) | (part[1:] != part[:-1])
    begins = np.maximum.accumulate(np.where(new, places, 0))
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(rows)) - 1
    ends = lasts[np.cumsum(new) - 1] if len(rows) else places
    return Series(rows, begins, ends.astype(np.int64), group, labels, ranks)


# Columns ------------------------------------------------------------------------------------------


def _ranks(
    data: DataSection, window: Window, source: CountedSource, findings: Findings
) -> Array | None:
    """The values by which rows are ordered: numbers, or the ranks of times."""
    column = _split_column(data, "order", source, findings)
    if column is None:
        return None
    return column.ranks() if column.values.dtype.kind in "OU" else column.values


def _column(data: DataSection, key: str, source: CountedSource, findings: Findings) -> Array | None:
    column = _split_column(data, key, source, findings)
    if column is None:
        return None
    return column.values.astype(str) if column.values.dtype.kind == "O" else column.values


def _split_column(
    data: DataSection, key: str, source: CountedSource, findings: Findings
) -> SplitColumn | None:
    """A column that `window` names, with one value per row; otherwise None, and MS659."""
    assert data.window is not None
    name = str(getattr(data.window, key))
    span = data.spans.get(("window", key), data.span)
    values = source.table.column(name, span, text=key == "by" and _is_text(data, name))
    if values.ndim != 1 or (len(values) and not isinstance(values.flat[0], (str, np.generic))):
        findings.error(
            "MS659",
            f"`{name}` of {source.table.name} has the shape {values.shape}, but `window.{key}`"
            " requires one value per row",
            span,
        )
        return None
    column = SplitColumn(key, name, source, values, span, findings)
    lacking = column.report(
        _lacking(values),
        lambda place: f"`{name}` has no value at {place}, but `window.{key}` requires one per row",
        f"remove the row, or remove `{key}`",
        "MS659",
    )
    return None if lacking else column


def _is_text(data: DataSection, column: str) -> bool:
    """Whether a feature reads the column as strings."""
    features = (*(data.inputs or {}).values(), *(data.targets or {}).values())
    return any(column in one.names and one.takes_text(None) for one in features)


def _lacking(values: Array) -> Array:
    if values.dtype.kind in "OU":
        return np.array([value == "" for value in values], bool)
    if values.dtype.kind in "fmM":
        lacking: Array = values != values  # NaN and NaT are not equal to themselves
        return lacking
    return np.zeros(len(values), bool)


def _report_equal(
    data: DataSection, series: Series, ranks: Array, source: CountedSource, findings: Findings
) -> None:
    """MS659: several rows of one series at the same time, which should be separate series."""
    ordered, group = ranks[series.rows], series.group
    equal = (ordered[1:] == ordered[:-1]) & (group[1:] == group[:-1])
    if not equal.any():
        return
    assert data.window is not None
    name = str(data.window.order)
    first = int(np.argmax(equal))
    one, other = (
        source.table.place(name, (int(series.rows[place]),)) for place in (first, first + 1)
    )
    count = int(np.count_nonzero(equal))
    findings.warning(
        "MS659",
        f"`{name}` has the same value at {one} and {other} in one series"
        + (f", and {count - 1:,} more such pairs" if count > 1 else ""),
        data.spans.get(("window", "order"), data.span),
        help="set `by` to the column that identifies the series; rows of equal `order` keep the"
        " order of the file",
    )

"""Sources whose rows are in series: the rows of each part, the columns computed from earlier rows,
and the windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.data_window import shares_in_order

from .errors import Findings
from .examples import Examples
from .parts import PURPOSE, CountedSource, cut, part_span
from .past_table import with_past
from .series import Series, one_series, row_count, series_of
from .split import Positions
from .split_column import split_column
from .table import Array, Table
from .windows import LACKING, Windows, windows_of

__all__ = ["LACKING", "Arranged", "arranged", "by_share"]


@dataclass(frozen=True)
class Arranged:
    """Sources with the columns computed from earlier rows."""

    tables: dict[str, Table]
    """By part; a single source that is split is under `train`."""
    parts: dict[str, Positions] | None = None
    """The rows of each part; None where examples are not windows and are split one by one."""
    series: Mapping[str, Series] = field(default_factory=dict)
    """By source where examples are windows: its series, split where the parts end."""

    def windowed(
        self,
        data: DataSection,
        examples: dict[str, Examples],
        lacking: Mapping[str, Mapping[str, Array]],
        findings: Findings,
        *,
        predicted: bool = False,
    ) -> tuple[dict[str, Examples], dict[str, Positions]]:
        """The examples of every source as windows, and the windows of each part. `lacking` are the
        rows without a value, by source. `predicted`: windows end with the last row.

        MS658 for a part without a window.
        """
        assert data.window is not None and self.parts is not None
        found: dict[str, Examples] = {}
        chosen: dict[str, Positions] = {}
        for source, one in examples.items():
            windows = windows_of(
                data.window,
                self.series[source],
                lacking[source],
                with_targets=bool(one.targets),
                from_end=predicted,
            )
            found[source] = one.in_windows(windows)
            for part, rows in self.parts.items():
                if (part if part in examples else "train") != source:
                    continue
                member = _members(rows, windows)
                chosen[part] = np.flatnonzero(member[windows.last_rows])
                if not len(chosen[part]):
                    purpose = "the prediction" if predicted else PURPOSE[part]
                    _report_none(data, windows, member, purpose, one.table, findings)
        return found, chosen


def arranged(
    compiled: Compiled, data: DataSection, tables: Mapping[str, Table], findings: Findings
) -> Arranged:
    """The sources of a spec, with their rows in the order that `data.window` sets. Raises
    `DataError`.
    """
    if data.window is None:
        found = {
            part: with_past(table, data, partial(_in_file, table), findings)
            for part, table in tables.items()
        }
        return Arranged(found)
    series = {part: series_of(data, table, findings) for part, table in tables.items()}
    parts = cut_rows(
        compiled, data, {part: (table, series[part]) for part, table in tables.items()}, findings
    )
    cut_up = {
        source: one.cut(
            {
                part: rows
                for part, rows in parts.items()
                if (part if part in tables else "train") == source
            }
        )
        for source, one in series.items()
    }
    found = {
        part: with_past(table, data, partial(cut_up.__getitem__, part), findings)
        for part, table in tables.items()
    }
    return Arranged(found, parts, cut_up)


def _in_file(table: Table) -> Series:
    return one_series(row_count(table))


def _members(rows: Positions, windows: Windows) -> Array:
    """A mask of all rows of the source: true for the given rows."""
    found = np.zeros(len(windows.series.rows), bool)
    found[rows] = True
    return found


def cut_rows(
    compiled: Compiled,
    data: DataSection,
    sources: Mapping[str, tuple[Table, Series]],
    findings: Findings,
) -> dict[str, Positions]:
    """The rows of every part, ascending. Shares follow `split.order`, or else the order of the
    series. Rows with equal times are in the same part: the last one that any of them would be in.
    """
    counted = {
        part: CountedSource(table, len(series.rows), None)
        for part, (table, series) in sources.items()
    }
    split = data.split
    if split is None or not shares_in_order(split):
        return cut(compiled, data, counted, findings)
    source, series = counted["train"], sources["train"][1]
    times = series.ranks
    if split.order is not None:
        column = split_column(data, source, findings)
        times = column.comparable() if column is not None else None
    findings.stop_if_wrong()
    times = np.arange(source.size) if times is None else times
    found = by_share(times, split.validation, split.test)
    for part in split.asked:
        if not len(found[part]):
            findings.error(
                "MS618",
                f"the split leaves nothing for {PURPOSE[part]}: {source.table.name} has"
                f" {source.size} rows with {len(np.unique(times))} distinct times",
                part_span(data, part),
                help="change the fractions, or add rows",
            )
    findings.stop_if_wrong()
    return {part: found[part] for part in PURPOSE if len(found[part])}


def by_share(times: Array, validation: float, test: float) -> dict[str, Positions]:
    """The positions of each part: the last are for the test, the ones before them for validation.
    Where a border falls among equal times, all of them are in the later part.
    """
    ordered, count = np.sort(times, kind="stable"), len(times)
    tests = int(np.floor(count * test + 0.5))
    validations = min(int(np.floor(count * validation + 0.5)), count - tests)
    number = np.zeros(count, np.int64)
    for part, size in ((1, validations), (2, tests)):
        begin = count - tests - (validations if part == 1 else 0)
        if size:
            number[times >= ordered[begin]] = part
    return {
        part: np.flatnonzero(number == place)
        for place, part in enumerate(("train", "validation", "test"))
    }


def _report_none(
    data: DataSection,
    windows: Windows,
    member: Array,
    purpose: str,
    table: Table,
    findings: Findings,
) -> None:
    """MS658: none of the given rows of a source is in a window."""
    window = windows.window
    lengths = windows.series.ends - windows.series.begins + 1
    longest = int(lengths[member[windows.series.rows]].max(initial=0))
    span = window.span(with_targets=windows.with_targets)
    subject = "a window"
    if windows.with_targets and window.horizon:
        subject = f"a window of {window.last + 1} rows and its target"
    if longest >= span:
        message = f"every window of {table.name} for {purpose} contains a missing value"
        help = "fill in missing values, e.g. `missing: mean`"
    else:
        message = (
            f"no window for {purpose}: {subject} takes {span:,} rows, but the longest series in"
            f" this part of {table.name} has {longest:,}"
        )
        help = "use a smaller `length`, `sampling`, `gap` or `horizon`, or add rows"
    place = data.spans.get(("window", "length"), data.span)
    findings.error("MS658", message, place, help=help)

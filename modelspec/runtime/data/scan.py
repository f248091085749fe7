"""The first pass over a source: every used column, block by block, before anything is learned or
computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault

from . import column_report
from .adapted_state import State
from .column_check import ColumnCheck
from .column_reader import ColumnReader, open_columns
from .columns import Binding, Bound, Key
from .errors import Findings
from .expectations import RangeCheck, known_columns, range_checks
from .letter_case import Capitals, capitals_of
from .scanned_feature import ScannedFeature, report_policy
from .skipped_rows import SkippedRows, keep_every
from .spec_facts import section
from .table import Array, Table
from .wanted import Wanted, text_columns, wanted_of


@dataclass
class Scan:
    """A source that can be used."""

    table: Table
    reader: ColumnReader
    features: Mapping[Key, ScannedFeature]
    count: int
    rows: Array | None
    """The positions that are kept if `missing: drop` leaves some out; None: all."""
    weights: str | None = None
    lacking: Mapping[str, Array] = field(default_factory=dict)
    """If examples are windows, by `inputs` and `targets` with `missing: drop`: the rows with
    missing values, which no window may contain.
    """
    windowed: bool = False
    """Whether examples are windows, which require all rows in their order."""
    unread: Array | None = None
    """If examples are windows: which rows cannot be read, as [rows] of `bool`; None: no row."""

    @property
    def kept(self) -> int:
        return self.count if self.rows is None else len(self.rows)

    def without(self, bad: Iterable[int]) -> Scan:
        """The same without some rows, or without the windows that contain them."""
        marks = np.zeros(self.count, bool)
        marks[list(bad)] = True
        if not self.windowed:
            rows = np.arange(self.count) if self.rows is None else self.rows
            return replace(self, rows=rows[~marks[rows]])
        marks |= False if self.unread is None else self.unread
        lacking = {**self.lacking, "inputs": marks | self.lacking.get("inputs", False)}
        return replace(self, unread=marks, lacking=lacking)


def scan(
    table: Table,
    binding: Binding,
    compiled: Compiled,
    findings: Findings,
    *,
    state: State | None = None,
    with_targets: bool = True,
    once: bool = False,
    skipped: SkippedRows | None = None,
) -> Scan | None:
    """Scans a source; None, and findings, if it cannot be used. `once`: little of it is kept in
    memory. With `skipped`, rows that cannot be read are left out and noted there.
    """
    weights = _weights(compiled, table) if with_targets else None
    others = {} if weights is None else {weights.name: weights.span}
    ranges = range_checks(compiled, binding, table, every=with_targets)
    others.update({one.name: one.span for one in ranges})
    texts = text_columns(binding, table, compiled, state)
    reader = open_columns(
        table, binding.features.values(), others, findings, texts=texts, once=once
    )
    if reader is None:
        return None
    features = {
        key: _feature(
            bound,
            key,
            table,
            wanted_of(key, bound, table, compiled, state),
            capitals_of(key, bound, compiled),
        )
        for key, bound in binding.features.items()
    }
    checks = [check for one in features.values() for check in one.checks.values()]
    if skipped is not None:
        keep_every(checks)
    windowed = section(compiled).window is not None
    for one in features.values():
        one.known = known_columns(compiled, one.bound)
    count, lacking = _pass(reader, features, weights, findings, ranges)
    rows = None if windowed else _left(lacking.values())
    left_out: Array = np.zeros(0, np.int64)
    if skipped is not None:
        skipped.in_windows = windowed
        before = np.arange(count) if rows is None else rows
        kept = skipped.leave_out(checks, table, before)
        for checked in ranges:
            kept = checked.leave_out(skipped, kept)
        left_out = np.setdiff1d(before, kept)
    for one in features.values():
        _report(one, findings, drop=with_targets or windowed or _reads_past(one))
    for checked in ranges:
        checked.report(findings)
    if weights is not None:
        column_report.report(weights, findings)
    marks = _by_kind(features, lacking) if windowed else {}
    name = weights.name if weights else None
    found = Scan(table, reader, features, count, rows, name, marks, windowed)
    found = found.without(left_out) if len(left_out) else found
    _report_nothing(table, count, found.rows, findings)
    return found


def _weights(compiled: Compiled, table: Table) -> ColumnCheck | None:
    """The scan of the column of example weights, if the spec has one."""
    data = section(compiled)
    if data.weights is None:
        return None
    span = data.spans.get(("weights",))
    return ColumnCheck(table, data.weights, Wanted("`weights`"), span, "error")


def _feature(
    bound: Bound, key: Key, table: Table, wanted: Wanted, capitals: Capitals | None
) -> ScannedFeature:
    checks = {
        column: ColumnCheck(table, column, wanted, bound.at(column), bound.missing, bound)
        for column in bound.names
    }
    return ScannedFeature(key, bound, wanted, checks, capitals=capitals)


def _pass(
    reader: ColumnReader,
    features: Mapping[Key, ScannedFeature],
    weights: ColumnCheck | None,
    findings: Findings,
    ranges: Iterable[RangeCheck] = (),
) -> tuple[int, dict[Key, Array]]:
    """The number of examples and, by feature with `missing: drop`, those with a missing value."""
    count = 0
    dropped = {key: [np.zeros(0, bool)] for key, one in features.items() if one.drops}
    for start, block in reader.blocks():
        size = len(next(iter(block.values())))
        for key, one in features.items():
            lacking = _scan_block(one, block, start, findings)
            if key in dropped:
                dropped[key].append(np.zeros(size, bool) if lacking is None else lacking)
        if weights is not None:
            weights.add(start, block[weights.name])
        for checked in ranges:
            checked.add(block, start)
        count += size
    return count, {key: np.concatenate(parts) for key, parts in dropped.items()}


def _left(lacking: Iterable[Array]) -> Array | None:
    """The examples without missing values; None: all."""
    marks = [one for one in lacking if one.any()]
    return np.flatnonzero(~np.any(marks, axis=0)) if marks else None


def _by_kind(
    features: Mapping[Key, ScannedFeature], lacking: Mapping[Key, Array]
) -> dict[str, Array]:
    """The rows with a missing value in any input, and in any target. Each feature learns from the
    other rows.
    """
    found: dict[str, Array] = {}
    for key, marks in lacking.items():
        if marks.any():
            features[key].lacking = marks
            found[key[0]] = found[key[0]] | marks if key[0] in found else marks
    return found


def _reads_past(one: ScannedFeature) -> bool:
    """Whether its first rows never have a value, so that they get no prediction either."""
    return one.bound.past is not None


def _scan_block(
    feature: ScannedFeature, block: Mapping[str, Array], start: int, findings: Findings
) -> Array | None:
    """Which examples have a missing value; None if none has, or if the feature has an error."""
    if feature.broken:
        return None
    try:
        return feature.scan(block, start)
    except Fault as fault:
        findings.report(fault, feature.bound.span)
        feature.broken = True
        return None


# Findings -----------------------------------------------------------------------------------------


def _report_nothing(table: Table, count: int, rows: Array | None, findings: Findings) -> None:
    """MS612: a source without examples, or one from which all examples are dropped."""
    if not count:
        findings.error("MS612", f"{table.name} has no examples", table.span)
    elif rows is not None and not len(rows):
        findings.error(
            "MS612",
            f"every example of {table.name} has a missing value, so `missing: drop` drops all",
            table.span,
            help="fill values in instead, e.g. `missing: mean`",
        )


def _report(one: ScannedFeature, findings: Findings, *, drop: bool) -> None:
    if one.broken:
        return
    before = findings.ok
    for check in one.checks.values():
        column_report.report(check, findings, drop=drop)
    if one.bound.stacked:
        _report_wide(one, findings)
    if before and findings.ok:
        report_policy(one, findings)


def _report_wide(one: ScannedFeature, findings: Findings) -> None:
    wide = next((check for check in one.checks.values() if check.shape), None)
    if wide is not None:
        findings.error(
            "MS610",
            f"`{wide.name}` of {wide.table.name} contains an array of shape {wide.shape} per "
            f"example, which cannot be stacked with other columns for {one.wanted.subject}",
            wide.span,
            help=f"name the array for each feature, e.g. `{{column: {wide.name}}}`",
        )

"""The first look at a source: every column that is used, block by block, before anything is learned
or computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault

from . import column_report
from .adapted_state import State
from .column_check import ColumnCheck
from .column_reader import ColumnReader, open_columns
from .columns import Binding, Bound, Key
from .errors import Findings
from .letter_case import Capitals, capitals_of
from .scanned_feature import ScannedFeature, report_policy
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
    """The positions that are kept where `missing: drop` leaves some out; None: all."""
    weights: str | None = None

    @property
    def kept(self) -> int:
        return self.count if self.rows is None else len(self.rows)


def scan(
    table: Table,
    binding: Binding,
    compiled: Compiled,
    findings: Findings,
    *,
    state: State | None = None,
    with_targets: bool = True,
    once: bool = False,
) -> Scan | None:
    """Looks through a source; None, and findings, where it cannot be used. `once`: little of it is
    kept in memory.
    """
    weights = _weights(compiled, table) if with_targets else None
    others = {} if weights is None else {weights.name: weights.span}
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
    count, rows = _pass(reader, features, weights, findings)
    for one in features.values():
        _report(one, findings, drop=with_targets)
    if weights is not None:
        column_report.report(weights, findings)
    _report_nothing(table, count, rows, findings)
    return Scan(table, reader, features, count, rows, weights.name if weights else None)


def _weights(compiled: Compiled, table: Table) -> ColumnCheck | None:
    """What looks through the column of example weights, where there is one."""
    data = section(compiled)
    if data.weights is None:
        return None
    span = data.spans.get(("weights",))
    return ColumnCheck(table, data.weights, Wanted("`weights`"), span, "error")


def _feature(
    bound: Bound, key: Key, table: Table, wanted: Wanted, capitals: Capitals | None
) -> ScannedFeature:
    checks = {
        column: ColumnCheck(table, column, wanted, bound.at(column), bound.missing)
        for column in bound.names
    }
    return ScannedFeature(key, bound, wanted, checks, capitals=capitals)


def _pass(
    reader: ColumnReader,
    features: Mapping[Key, ScannedFeature],
    weights: ColumnCheck | None,
    findings: Findings,
) -> tuple[int, Array | None]:
    """How many examples there are, and which of them are kept."""
    count = 0
    dropped: list[Array] = []
    for start, block in reader.blocks():
        size = len(next(iter(block.values())))
        drop = np.zeros(size, bool)
        for one in features.values():
            lacking = _scan_block(one, block, start, findings)
            if lacking is not None and one.bound.missing == "drop":
                drop |= lacking
        if weights is not None:
            weights.add(start, block[weights.name])
        count += size
        dropped.append(drop)
    marks = np.concatenate(dropped) if dropped else np.zeros(0, bool)
    return count, np.flatnonzero(~marks) if marks.any() else None


def _scan_block(
    feature: ScannedFeature, block: Mapping[str, Array], start: int, findings: Findings
) -> Array | None:
    """Which examples lack a value; None where none does, or where the feature is not right."""
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
    """MS612: a source without examples, or of which none is kept."""
    if not count:
        findings.error("MS612", f"{table.name} has no examples", table.span)
    elif rows is not None and not len(rows):
        findings.error(
            "MS612",
            f"every example of {table.name} lacks a value, and `missing: drop` leaves none",
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
            f"`{wide.name}` of {wide.table.name} holds an array of shape {wide.shape} for every "
            f"example, which cannot be stacked with other columns for {one.wanted.subject}",
            wide.span,
            help=f"say which array feeds what, e.g. `{{column: {wide.name}}}`",
        )

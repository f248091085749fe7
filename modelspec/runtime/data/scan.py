"""The first look at a source: every column that is used, block by block, before anything is learned
or computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_features import POLICIES
from modelspec.compiler.spec.transform_layers import takes_text, takes_whole
from modelspec.core.diagnostics import Fault

from .adapted_state import State
from .cells import ready
from .column_check import ColumnCheck, Wanted
from .column_reader import ColumnReader, open_columns
from .columns import Binding, Bound, Key
from .errors import Findings
from .sequences import is_ragged, lengths, padded, stacked
from .spec_facts import section, typed_graph
from .table import Array, Table

_CLASSES = (
    "write classes as whole numbers from 0, or look words up: "
    "`transform: [StringLookup: {num_oov_indices: 0}]`"
)


@dataclass
class ScannedFeature:
    """One feature of a source."""

    key: Key
    bound: Bound
    wanted: Wanted
    checks: dict[str, ColumnCheck]
    lengths: list[Array] = field(default_factory=list)
    """Of sequences, block by block."""
    broken: bool = False

    @property
    def text(self) -> bool:
        return next(iter(self.checks.values())).text

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of one example as it was read."""
        shape = next(iter(self.checks.values())).shape
        return (*shape, len(self.bound.names)) if self.bound.stacked else shape

    def sized(self, length: int | None) -> tuple[int, ...]:
        """The shape of one example when sequences have this length."""
        return self.sizes if length is None else (length, *self.sizes[1:])

    def read(
        self, block: Mapping[str, Array], start: int, length: int | None, fill: Mapping[str, Any]
    ) -> Array:
        """The values of a block: columns made ready, what is missing filled in, stacked. Raises
        `Fault`.
        """
        found: list[Array] = []
        for name, check in self.checks.items():
            values = self.flat(name, block[name], start, length)
            cells = ready(values, check.text)
            if cells.missing is not None and name in fill:
                values = (
                    cells.values.copy()
                    if cells.values.dtype.kind == "O"
                    else cells.values.astype(np.float64)
                )
                values[cells.missing] = fill[name]
                found.append(values)
            else:
                found.append(cells.values)
        return np.stack(found, axis=-1) if self.bound.stacked else found[0]

    def flat(self, name: str, values: Array, start: int, length: int | None) -> Array:
        """A column with sequences filled up, and lists of one length as an array. Raises
        `Fault`.
        """
        table = self.checks[name].table
        if self.bound.pad is not None:
            longest = int(lengths(values).max(initial=1)) if length is None else length
            return padded(values, self.bound.pad, longest, name, table, start)
        return stacked(values, name, table, start) if is_ragged(values) else values

    def scan(self, block: Mapping[str, Array], start: int) -> Array | None:
        """Which examples of a block lack a value. Raises `Fault`."""
        lacking: Array | None = None
        for name, check in self.checks.items():
            before = check.shape if check.kind is not None else None
            if self.bound.pad is not None:
                self.lengths.append(lengths(block[name]))
            values = self.flat(name, block[name], start, None)
            found = check.add(start, values)
            if before is not None and before != check.shape and self.bound.pad is None:
                raise Fault(
                    "MS630",
                    f"`{name}` of {check.table.name} has {before} for the first examples, but "
                    f"{check.shape} from {check.table.place(name, (start,))} on",
                    help="give all examples one size",
                )
            if found is not None:
                lacking = found if lacking is None else lacking | found
        return lacking


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
    reader = open_columns(table, binding.features.values(), others, findings, once=once)
    if reader is None:
        return None
    features = {
        key: _feature(key, bound, table, compiled, state) for key, bound in binding.features.items()
    }
    count, rows = _pass(reader, features, weights, findings)
    for one in features.values():
        _report(one, findings, drop=with_targets)
    if weights is not None:
        weights.report(findings)
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
    key: Key, bound: Bound, table: Table, compiled: Compiled, state: State | None
) -> ScannedFeature:
    wanted = _wanted(key, bound, compiled, state)
    checks = {
        column: ColumnCheck(table, column, wanted, bound.at(column), bound.missing)
        for column in bound.names
    }
    return ScannedFeature(key, bound, wanted, checks)


def _wanted(key: Key, bound: Bound, compiled: Compiled, state: State | None) -> Wanted:
    """What the model, or the first layer of a transform, takes of a feature."""
    kind, name = key
    layers = bound.chain.layers if bound.chain else ()
    text = _takes_text(key, bound, compiled, state)
    whole = layers[0].kind() if takes_whole(layers) else None
    if kind == "inputs":
        other = layers[0].number_counterpart if text and layers else None
        help = f"look numbers up with `{other}`" if other else None
        return Wanted(f"input `{name}`", text, help, whole)
    help = (
        "leave `transform` out, or use `IntegerLookup`, where classes are numbers already"
        if text
        else _CLASSES
    )
    return Wanted(f"the target of `{name}`", text, help, whole)


def _takes_text(key: Key, bound: Bound, compiled: Compiled, state: State | None) -> bool | None:
    """Whether a feature is text; None where either may be."""
    if state is not None and (known := state.features.get(key)) is not None:
        return known.text
    kind, name = key
    tensor = typed_graph(compiled).inputs.get(name) if kind == "inputs" else None
    return takes_text(bound.chain.layers if bound.chain else (), tensor.dtype if tensor else None)


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
        check.report(findings, drop=drop)
    if one.bound.stacked:
        _report_wide(one, findings)
    if before and findings.ok:
        _report_policy(one, findings)


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


def _report_policy(one: ScannedFeature, findings: Findings) -> None:
    """MS628: a policy that the column's kind does not allow, where only the data showed the
    kind.
    """
    value = one.bound.missing
    constant = value not in POLICIES
    if one.text and (value in ("mean", "median") or (constant and not isinstance(value, str))):
        what = f"there is no {value} of text" if not constant else f"{value} is no text"
    elif not one.text and constant and isinstance(value, str):
        what = f'"{value}" is no number'
    else:
        return
    findings.error(
        "MS628",
        f"{what}, but `{one.bound.names[0]}` holds {'text' if one.text else 'numbers'}",
        one.bound.span,
        help="use `most_frequent`, or a constant of the same kind",
    )

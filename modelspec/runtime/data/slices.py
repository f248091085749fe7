"""The slices of a part: which of its examples have each value, or range of values, of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_slices import Slice
from modelspec.core.diagnostics import Diagnostic, Span

from .adapted_state import State
from .columns import binding_of
from .errors import DataError, Findings
from .examples import Part
from .filtered import said_of
from .slice_column import SliceColumn, kind_of
from .spec_facts import section
from .split import Positions
from .table import Table

MEASURED: Final = ("test", "validation")
"""The parts whose slices a run measures."""


@dataclass(frozen=True)
class PartSlice:
    """A slice of a part."""

    label: str
    """`island=Dream`."""
    part: Part
    """Its examples."""
    few: bool
    """Whether there are fewer than the `min_examples` of its entry."""


def slices_of_parts(
    compiled: Compiled, parts: Mapping[str, Part], findings: Findings, *, state: State | None
) -> dict[str, tuple[PartSlice, ...]]:
    """The slices of the parts that a run measures; findings if they cannot be made. Empty if the
    spec has no `slices`.
    """
    if not section(compiled).slices:
        return {}
    found: dict[str, tuple[PartSlice, ...]] = {}
    said: dict[Diagnostic, None] = {}
    for name in MEASURED:
        if name in parts:
            own = Findings()
            found[name] = slices_of(compiled, parts[name], name, own, state=state)
            said.update(dict.fromkeys(own.diagnostics))  # parts of one source have equal faults
    findings.extend(said)
    return found


def slices_of(
    compiled: Compiled,
    part: Part,
    name: str,
    findings: Findings,
    *,
    state: State | None,
    lenient: bool = False,
) -> tuple[PartSlice, ...]:
    """The slices of one part, called `name`: by entry of `slices`, ranges in increasing order,
    values in sort order. Empty slices are left out.

    A missing column is MS607; with `lenient`, a warning (MS821).
    """
    table = part.examples.table
    entries = list(section(compiled).slices)
    for entry in [one for one in entries if one.column not in table]:
        entries.remove(entry)
        _lacks(entry, table, _span(compiled, entry), findings, lenient=lenient)
    if not entries or not len(part):
        return ()
    try:
        columns = _read(compiled, part, entries, state)
    except DataError as error:
        findings.extend(error.diagnostics)
        return ()
    found: list[PartSlice] = []
    for column in columns:
        for label, members in column.members(name, findings):
            positions = part.positions[members]
            few = len(positions) < column.entry.min_examples
            found.append(PartSlice(label, Part(part.examples, positions), few))
    return tuple(found)


def _lacks(
    entry: Slice, table: Table, span: Span | None, findings: Findings, *, lenient: bool
) -> None:
    if not lenient:
        findings.add(table.unknown(entry.column).at(span))
        return
    findings.warning(
        "MS821",
        f"{table.name} has no column `{entry.column}`, so its slices are not measured",
        span,
        help="add the column to the data",
    )


def _span(compiled: Compiled, entry: Slice, key: str | None = None) -> Span | None:
    path = ("slices", entry.column) if key is None else ("slices", entry.column, key)
    return section(compiled).spans.get(path)


# Reading ------------------------------------------------------------------------------------------


def _read(
    compiled: Compiled, part: Part, entries: Sequence[Slice], state: State | None
) -> list[SliceColumn]:
    """The columns that define slices, for the examples of a part, in one pass over the source.
    Raises `DataError`.
    """
    table = part.examples.table
    kinds, formats = said_of(table, compiled, binding_of(compiled), state)
    columns = [
        SliceColumn(
            one,
            table,
            kind_of(one, table, kinds.get(one.column)),
            formats.get(one.column),
            _span(compiled, one),
            _span(compiled, one, "bins"),
        )
        for one in entries
    ]
    places = _rows(part)
    rows, order = np.unique(places, return_inverse=True)
    start = 0
    names = [one.column for one in entries]
    texts = [one.entry.column for one in columns if one.as_text]
    for block in table.blocks(names, texts=texts):
        size = len(next(iter(block.values())))
        first, last = np.searchsorted(rows, (start, start + size))
        if first < last:
            for one in columns:
                one.add(block[one.entry.column][rows[first:last] - start], rows[first:last])
        start += size
    for one in columns:
        one.order = order
    return columns


def _rows(part: Part) -> Positions:
    """The position of each example in the source; of a window, that of its last row."""
    rows = part.examples.rows
    return part.positions if rows is None else rows[part.positions]

"""A table without the rows that `data.where` filters out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelspec.compiler.expand.expression_syntax import Misread
from modelspec.compiler.expand.row_syntax import read_condition
from modelspec.compiler.expand.row_tree import Condition
from modelspec.compiler.expand.row_types import Kind, column_kinds, fault_of
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_where import Where
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.core.diagnostics import Fault

from .adapted_state import State
from .cells import Numbers
from .columns import Binding
from .errors import DataError, Findings
from .row_cells import kind_of_dtype, made_ready
from .row_values import Unread
from .spec_facts import section
from .table import Array, LeftOut, Table
from .wanted import takes_text
from .where import Rows, RowTest


class FilteredTable(Table):
    """Some rows of a table; messages show their places in the files of the table."""

    def __init__(self, whole: Table, condition: str, rows: Array, total: int) -> None:
        super().__init__(whole.name, whole.names, whole.fingerprint, whole.span)
        self.whole = whole
        self.rows = rows
        """The places of the kept rows among all rows, ascending."""
        self.left_out = LeftOut(condition, total, total - len(rows))
        self.settings: Mapping[str, Any] = {**whole.settings, "where": condition}
        self.warnings, self.origin, self.kept = whole.warnings, whole.origin, whole.kept
        self.as_written, self.marks = whole.as_written, whole.marks
        self.decimal, self.thousands = whole.decimal, whole.thousands
        if whole.source_places is not None:
            self.source_places = whole.source_places[rows]

    @property
    def bits(self) -> int | None:
        return self.whole.bits

    def bits_of(self, name: str) -> int | None:
        return self.whole.bits_of(name)

    @property
    def file_names(self) -> Sequence[str] | None:
        names = self.whole.file_names
        return None if names is None else [names[row] for row in self.rows]

    @property
    def default_features(self) -> tuple[str, ...] | None:
        return self.whole.default_features

    @property
    def default_target(self) -> str | None:
        return self.whole.default_target

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def size_hint(self) -> int | None:
        return self.whole.size_hint

    def in_file(self, rows: Array | None) -> Array:
        return self.rows if rows is None else self.rows[rows]

    def read(self, name: str) -> Array:
        return self.whole.read(name)[self.rows]

    def read_text(self, name: str) -> Array:
        return self.whole.read_text(name)[self.rows]

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        start = 0
        for block in self.whole.read_blocks_of(names, rows, texts):
            size = len(next(iter(block.values())))
            first, last = np.searchsorted(self.rows, (start, start + size))
            if first < last:
                inside = self.rows[first:last] - start
                yield {name: values[inside] for name, values in block.items()}
            start += size

    def numbers(self, texts: Array) -> Numbers:
        return self.whole.numbers(texts)

    def number_help(self, cells: Sequence[str]) -> str | None:
        return self.whole.number_help(cells)

    def tells_whole(self, name: str) -> bool:
        return self.whole.tells_whole(name)

    def written_whole(self, name: str) -> Array:
        found = self.whole.written_whole(name)
        return found[self.rows] if len(found) else found

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return self.whole.place(name, (int(self.rows[index[0]]), *index[1:]))


def filtered(
    table: Table,
    compiled: Compiled,
    binding: Binding,
    findings: Findings,
    *,
    state: State | None = None,
) -> Table:
    """The rows of a source that `where` of the spec keeps; all rows, with findings, where the
    condition is wrong: MS607 for unknown columns, MS566 and MS649 for values that cannot be
    compared, MS639 where no row is kept.
    """
    where = section(compiled).where
    if where is None:
        return table
    condition = read_condition(where.text)
    unknown = [name for name in condition.columns if name not in table]
    for name in unknown:
        _report(where, _as_written(table.unknown(name), name), condition.columns[name], findings)
    if unknown:
        return table
    try:
        filter = _Filter(table, condition, where, *said_of(table, compiled, binding, state))
        rows, total = filter.rows()
    except DataError as error:
        findings.extend(error.diagnostics)
        return table
    except Misread as misread:
        where.report(fault_of(misread), findings)
        return table
    return FilteredTable(table, where.text, rows, total)


def _as_written(fault: Fault, name: str) -> Fault:
    """The fault with a suggestion in the syntax of conditions, or with a string in quotes."""
    near = fault.suggestion
    if near is None:
        return replace(fault, help=f"a string is written in quotes: `'{name}'`; {fault.help}")
    return fault if near.isidentifier() else replace(fault, suggestion=f"`{near}`")


def _report(where: Where, fault: Fault, place: tuple[int, int], findings: Findings) -> None:
    where.report(fault_of(Misread(fault, *place)), findings)


def said_of(
    table: Table, compiled: Compiled, binding: Binding, state: State | None
) -> tuple[dict[str, Kind], dict[str, NumberFormat]]:
    """By column: the kind set by features, where the table has no types, and the number format."""
    kinds: dict[str, Kind] = {}
    formats: dict[str, NumberFormat] = {}
    for key, bound in binding.features.items():
        text = takes_text(key, bound, table, compiled, state)
        for name in bound.names:
            if table.as_written and text is not None:
                kinds.setdefault(name, "text" if text or bound.separator else "number")
            if bound.number_format is not None:
                formats[name] = bound.number_format
    return kinds, formats


@dataclass(frozen=True)
class _Filter:
    """A condition over the rows of one table."""

    table: Table
    condition: Condition
    where: Where
    stated: Mapping[str, Kind]
    formats: Mapping[str, NumberFormat]

    def rows(self) -> tuple[Array, int]:
        """The kept rows, found in one pass, and the total number of rows. Raises `DataError` and
        `Misread`.
        """
        kinds = column_kinds(self.condition, self.stated)
        names = tuple(self.condition.columns) or self.table.names[:1]
        texts = [name for name in names if self._read_as_text(name, kinds.get(name))]
        test = RowTest(self.condition)
        found: list[Array] = []
        count = 0
        for block in self.table.blocks(names, texts=texts):
            size = len(next(iter(block.values())))
            found.append(np.flatnonzero(self._kept(test, block, kinds, count, size)) + count)
            count += size
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        if count and not len(rows):
            raise self._nothing(count)
        return rows, count

    def _read_as_text(self, name: str, kind: Kind | None) -> bool:
        return self.table.as_written and (kind in ("text", "truth") or name in self.formats)

    def _kept(
        self,
        test: RowTest,
        block: Mapping[str, Array],
        kinds: Mapping[str, Kind],
        start: int,
        size: int,
    ) -> Array:
        own = {
            name: kind_of_dtype(values.dtype)
            for name, values in block.items()
            if name in self.condition.columns and not (self.table.as_written and name in kinds)
        }
        every = column_kinds(self.condition, {**self.stated, **own}) if own else kinds
        try:
            columns = {}
            for name in self.condition.columns:
                kind, format = every[name], self.formats.get(name)
                columns[name] = made_ready(name, block[name], kind, self.table, format)
            return test(Rows(size, columns))
        except Unread as unread:
            raise self._unread(unread, start) from None

    def _unread(self, unread: Unread, start: int) -> DataError:
        """MS649: a cell that does not fit the condition."""
        name = unread.column
        if name is None:
            message = f"{unread.shown} in row {start + unread.row + 1:,} of {self.table.name}"
        else:
            place = self.table.place(name, (start + unread.row,))
            message = f"{unread.shown} of `{name}` at {place}"
            if unread.place == (0, 0):
                unread.place = self.condition.columns[name]
        found = Findings()
        help = "correct the cell, or compare the column with values of its type"
        fault = Fault("MS649", f"{message} {unread.why}", help=help)
        _report(self.where, fault, unread.place, found)
        return DataError(found.diagnostics)

    def _nothing(self, count: int) -> DataError:
        """MS639: no row is kept."""
        found = Findings()
        every = f"the {count:,} rows" if count > 1 else "1 row"
        message = f"`where` keeps none of {every} of {self.table.name}"
        found.error("MS639", message, self.where.node.span, help="compare with values in the rows")
        return DataError(found.diagnostics)

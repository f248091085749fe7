"""One file of a CSV source: scanned once, then read as a whole, or in passes if it is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelspec.core.diagnostics import Span

from .csv_cells import Cells, has_text, loses_digits
from .csv_rows import Columns, Rows, released, too_long


class Part:
    """One file, and all of its columns if it is small."""

    def __init__(self, rows: Rows, cells: Cells, span: Span | None, *, small: bool) -> None:
        self.plain = rows.is_plain()
        self.rows = rows
        self._values = cells
        self._numbers = rows.guess(cells) if self.plain else set()
        self.columns: Columns | None = None
        self.count = self._load(span, small=small)
        self.rows = released(rows)

    def _load(self, span: Span | None, *, small: bool) -> int:
        """Counts the rows, and keeps the cells of a small file. Raises `Fault` or `DataError`
        (MS602, MS604).
        """
        import pyarrow as pa

        for numbers in (self._numbers, set()) if self.plain else ():
            self._numbers = numbers
            try:
                return self._by_arrow(small=small)
            except _Unfit:
                break
            except pa.ArrowInvalid:  # a later cell is not a number, or a row is malformed
                continue
        self.plain, self._numbers = False, set()
        self.rows.check(span)
        if small:
            return self._keep_records()
        return sum(len(columns[self.rows.names[0]]) for columns in self._read(self.rows.names[:1]))

    def _by_arrow(self, *, small: bool) -> int:
        count, large = 0, set()
        names = self.rows.names
        for columns in self._without_surplus(self._read((*names, *self.rows.fillers))):
            large |= {name for name in self._numbers if loses_digits(columns[name])}
            count += len(columns[names[0]])
            if small:
                self.columns = columns
        if not count or len(names) == 1:
            raise _Unfit  # requires a closer look
        for name in large:
            self.as_text(name)
        return count

    def _without_surplus(self, batches: Iterator[Columns]) -> Iterator[Columns]:
        """The columns alone. Raises `_Unfit` if a surplus cell, or a cell that is too long, has to
        be reported.
        """
        for columns in batches:
            beyond = [columns.pop(name) for name in self.rows.fillers]
            if too_long(columns) or any(map(has_text, beyond)):
                raise _Unfit
            yield columns

    def _keep_records(self) -> int:
        cells = list(zip(*(record for _, record in self.rows.records()), strict=True))
        self.columns = dict(zip(self.rows.names, cells, strict=True))
        return len(cells[0])

    def _read(self, names: Sequence[str]) -> Iterator[Columns]:
        return self.rows.batches(names, self._values, plain=self.plain, numbers=self._numbers)

    def as_text(self, name: str) -> None:
        """From now on, reads the cells of a column as strings instead of numbers."""
        if name in self._numbers:
            self._numbers.remove(name)
            if self.columns is not None:
                self.columns[name] = _chained([batch[name] for batch in self._read((name,))])

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        if self.columns is None:
            yield from self._read(names)
        else:
            yield {name: self._cells(name) for name in names}

    def cells(self, name: str) -> Iterator[Any]:
        """A column as strings, even if it is otherwise read as numbers."""
        if name in self._numbers:
            read = self.rows.batches((name,), self._values, plain=self.plain, numbers=())
        else:
            read = self.batches((name,))
        for columns in read:
            yield columns[name]

    def _cells(self, name: str) -> Any:
        import pyarrow as pa

        assert self.columns is not None
        if isinstance(self.columns[name], tuple):
            self.columns[name] = pa.array(self.columns[name], pa.string())
        return self.columns[name]


def _chained(arrays: list[Any]) -> Any:
    import pyarrow as pa

    return pa.concat_arrays(arrays)


class _Unfit(Exception):
    """Arrow reads the file differently from its intended meaning."""

"""Tables with Arrow's types (`parquet`, `arrow`), read column by column and in batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelspec.core.diagnostics import Fault, Span
from modelspec.runtime.data.table import BLOCK, Array, Table

from . import files
from .arrow_values import Form, form_of, has_durations, is_taken, values_of
from .stored_arrays import fitting

BROKEN = (OSError, ValueError, KeyError, NotImplementedError, MemoryError)
"""What pyarrow raises for a damaged file, including its own errors."""


class ArrowColumnsTable(Table):
    """Columns with Arrow's types."""

    format_name: ClassVar[str]
    """The name of the format in messages."""

    def __init__(self, found: files.Found, span: Span | None) -> None:
        """Raises `Fault`: MS601, MS604, MS642."""
        fingerprint = files.fingerprint_of(found.path, found.shown)
        try:
            schema, rows = self.schema_of(found.path)
            names = tuple(schema.names)  # they are decoded here
        except BROKEN as error:
            raise self._not_opened(found, error) from None
        _check_schema(schema, rows, found.shown)
        if has_durations(schema):  # earlier versions returned them in the unit of the file
            fingerprint = files.fingerprint_of_all([fingerprint, "seconds"])
        super().__init__(found.shown, names, fingerprint, span)
        self._found = found
        self._path = found.path
        self._types = {field.name: field.type for field in schema}
        self._rows = rows
        self._forms: dict[str, Form] = {}

    @property
    def count(self) -> int:
        return self._rows

    @property
    def size_hint(self) -> int:
        return max(self._path.stat().st_size, 8 * self._rows * len(self.names))

    @staticmethod
    @abstractmethod
    def schema_of(path: Path) -> tuple[Any, int]:
        """The columns and the number of rows. Raises pyarrow's errors."""

    @abstractmethod
    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        """Record batches of some columns. Raises pyarrow's errors."""

    def read(self, name: str) -> Array:
        import pyarrow as pa

        files.believe(8 * self._rows, 8 * self._rows, f"`{name}` of `{self.name}`")
        self._taken(name)
        try:
            column = pa.chunked_array(
                [batch.column(0) for batch in self.batches((name,), 64 * BLOCK)], self._types[name]
            )
        except Fault:
            raise
        except BROKEN as error:
            raise self._damaged(error) from None
        if len(column) != self._rows:
            raise self._damaged(ValueError(f"it has {len(column):,} of {self._rows:,} rows"))
        form = form_of(column)
        self._forms[name] = form
        return values_of(column, form, name, self)

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if self.size_hint <= files.IN_MEMORY:
            yield from super().read_blocks(names, rows)
            return
        try:
            yield from self._stream(names, rows)
        except Fault:
            raise
        except BROKEN as error:
            raise self._damaged(error) from None

    def _stream(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        self._find_forms(names)
        rows = fitting(rows, [self._forms[name].size for name in names])
        start = 0
        for batch in self.batches(names, rows):
            for at in range(0, len(batch), rows):
                piece = batch.slice(at, rows)
                yield {
                    name: values_of(piece.column(i), self._forms[name], name, self, start + at)
                    for i, name in enumerate(names)
                }
            start += len(batch)

    def _find_forms(self, names: Sequence[str]) -> None:
        """One pass over columns with an unknown number of missing values and unknown list
        lengths.
        """
        unknown = [name for name in names if name not in self._forms]
        for name in unknown:
            self._taken(name)
        for batch in self.batches(unknown, BLOCK) if unknown else ():
            for i, name in enumerate(unknown):
                form = form_of(batch.column(i))
                self._forms[name] = self._forms[name] | form if name in self._forms else form

    def _taken(self, name: str) -> None:
        if not is_taken(self._types[name]):
            raise Fault(
                "MS653",
                f"`{name}` of {self.name} has the type `{self._types[name]}`, which cannot be "
                "converted to an array",
                help="write its parts as separate columns",
            )

    def _not_opened(self, found: files.Found, error: BaseException) -> Fault:
        return Fault(
            "MS642",
            f"`{found.shown}` is not a valid {self.format_name} file: {files.said(error)}",
            help=_help(found.path),
        )

    def _damaged(self, error: BaseException) -> Fault:
        return Fault(
            "MS642",
            f"`{self.name}` is damaged: {files.said(error)}",
            help="write or copy the file again",
        )

    def tells_whole(self, name: str) -> bool:
        from pyarrow import types

        return bool(types.is_integer(self._types[name]))

    def written_whole(self, name: str) -> Array:
        return np.ones(self._rows, bool)  # integers with missing ones are floating-point numbers

    def place(self, name: str, index: tuple[int, ...]) -> str:
        inner = f" [{', '.join(str(i) for i in index[1:])}]" if len(index) > 1 else ""
        return f"row {index[0] + 1:,}{inner} of {self.name}"


def _check_schema(schema: Any, rows: int, shown: str) -> None:
    """Raises `Fault` (MS604) for a table with a duplicate name, or without rows."""
    names = schema.names
    twice = [name for name in names if names.count(name) > 1] if len(names) < 10_000 else []
    if twice:
        raise Fault(
            "MS604",
            f"`{shown}` has two columns named `{twice[0]}`",
            help="give each column a unique name",
        )
    if not rows:
        raise Fault("MS604", f"`{shown}` has no rows")


def _help(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"FEA1":
        return "it is a Feather version 1 file: write it again with `pyarrow.feather.write_feather`"
    if start == b"PAR1":
        return (
            "it starts like a Parquet file: write `parquet: ...`, or copy the file again if it"
            " is truncated"
        )
    return "write or copy the file again"

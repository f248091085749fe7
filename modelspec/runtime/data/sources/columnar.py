"""`parquet` and `arrow`: tables with types of their own, read column by column and in batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelspec.core.diagnostics import Fault, Span

from ..table import BLOCK, Array, Table
from . import files
from .arrow_values import Form, is_taken, look, values_of
from .stored import fitting

_BROKEN = (OSError, ValueError, KeyError, NotImplementedError, MemoryError)
"""What pyarrow raises for a damaged file; its own errors are among them."""


class ColumnarTable(Table):
    """Columns with Arrow's types."""

    def __init__(
        self, found: files.Found, schema: Any, rows: int, fingerprint: str, span: Span | None
    ) -> None:
        super().__init__(found.shown, tuple(schema.names), fingerprint, span)
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

    @abstractmethod
    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        """Record batches of some columns. Raises what pyarrow raises."""

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
        except _BROKEN as error:
            raise self._damaged(error) from None
        form = look(column)
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
        except _BROKEN as error:
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
        """One pass over columns of which it is not known whether values are missing, and how long
        lists are.
        """
        unknown = [name for name in names if name not in self._forms]
        for name in unknown:
            self._taken(name)
        for batch in self.batches(unknown, BLOCK) if unknown else ():
            for i, name in enumerate(unknown):
                form = look(batch.column(i))
                self._forms[name] = self._forms[name] | form if name in self._forms else form

    def _taken(self, name: str) -> None:
        if not is_taken(self._types[name]):
            raise Fault(
                "MS653",
                f"`{name}` of {self.name} has the type `{self._types[name]}`, of which no array is "
                "made",
                help="write its parts as columns of their own",
            )

    def _damaged(self, error: BaseException) -> Fault:
        return Fault(
            "MS642",
            f"`{self.name}` is damaged: {files.said(error)}",
            help="write or copy the file again",
        )

    def place(self, name: str, index: tuple[int, ...]) -> str:
        inner = f" [{', '.join(str(i) for i in index[1:])}]" if len(index) > 1 else ""
        return f"row {index[0] + 1:,}{inner} of {self.name}"


class ParquetTable(ColumnarTable):
    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        from pyarrow import parquet

        self._found.unchanged()
        with parquet.ParquetFile(
            self._path, page_checksum_verification=True, pre_buffer=False
        ) as file:
            dotted = any(
                "." in name for name in names
            )  # pyarrow takes these for a way into a column
            for batch in file.iter_batches(rows, columns=None if dotted else list(names)):
                yield batch.select(list(names))


class ArrowTable(ColumnarTable):
    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        import pyarrow as pa

        self._found.unchanged()
        with pa.OSFile(str(self._path)) as file:
            options = pa.ipc.IpcReadOptions(
                included_fields=[self.names.index(name) for name in names]
            )
            if _is_file_format(self._path):
                reader = pa.ipc.open_file(file, options=options)
                found = (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                found = iter(pa.ipc.open_stream(file, options=options))
            for batch in found:
                yield batch.select(list(names))


def _is_file_format(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"ARROW1"


def open_file(source: Any, found: files.Found, span: Span | None) -> ColumnarTable:
    """The table of a file. Raises `Fault`: MS601, MS604, MS642."""
    fingerprint = files.fingerprint_of(found.path, found.shown)
    kind = source.kind()
    try:
        schema, rows = (_parquet if kind == "parquet" else _arrow)(found.path)
    except _BROKEN as error:
        raise Fault(
            "MS642",
            f"`{found.shown}` is no {kind.title()} file, or a damaged one: {files.said(error)}",
            help=_help(found.path),
        ) from None
    twice = (
        [name for name in schema.names if schema.names.count(name) > 1]
        if len(schema.names) < 10_000
        else []
    )
    if twice:
        raise Fault(
            "MS604",
            f"`{found.shown}` names `{twice[0]}` twice",
            help="give each column a name of its own",
        )
    if not rows:
        raise Fault("MS604", f"`{found.shown}` has no rows")
    return (ParquetTable if kind == "parquet" else ArrowTable)(
        found, schema, rows, fingerprint, span
    )


def _parquet(path: Path) -> tuple[Any, int]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return file.schema_arrow, file.metadata.num_rows


def _arrow(path: Path) -> tuple[Any, int]:
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        if _is_file_format(path):
            reader = pa.ipc.open_file(file)
            return reader.schema, sum(
                reader.get_batch(i).num_rows for i in range(reader.num_record_batches)
            )
        stream = pa.ipc.open_stream(file)
        return stream.schema, sum(batch.num_rows for batch in stream)


def _help(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"FEA1":
        return "this is Feather's version 1: write it again with `pyarrow.feather.write_feather`"
    if start == b"PAR1":
        return (
            "it begins as a Parquet file does: write `parquet: ...`, or copy the file again if it"
            " is cut short"
        )
    return "write or copy the file again"

"""`arrow`: tables in Arrow's own format, as a file or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelspec.catalog.sources.arrow import arrow
from modelspec.core.diagnostics import Span

from .formats.arrow_columns import ArrowColumnsTable
from .formats.files import Found


class ArrowTable(ArrowColumnsTable):
    """The columns of an Arrow file."""

    format_name = "Arrow"

    @staticmethod
    def schema_of(path: Path) -> tuple[Any, int]:
        import pyarrow as pa

        with pa.OSFile(str(path)) as file:
            if _is_file_format(path):
                reader = pa.ipc.open_file(file)
                places = range(reader.num_record_batches)
                return reader.schema, sum(reader.get_batch(i).num_rows for i in places)
            stream = pa.ipc.open_stream(file)
            return stream.schema, sum(batch.num_rows for batch in stream)

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
                batch.validate(full=True)  # else damaged offsets crash the process
                yield batch.select(list(names))


def _is_file_format(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"ARROW1"


def open_file(source: arrow, found: Found, span: Span | None) -> ArrowTable:
    """The table of a file. Raises `Fault`: MS601, MS604, MS642."""
    return ArrowTable(found, span)

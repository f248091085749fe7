"""`parquet`: tables of typed columns, read by row groups if they are large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelspec.catalog.sources.parquet import parquet
from modelspec.core.diagnostics import Span

from .formats.arrow_columns import ArrowColumnsTable
from .formats.files import Found


class ParquetTable(ArrowColumnsTable):
    """The columns of a Parquet file."""

    format_name = "Parquet"

    @staticmethod
    def schema_of(path: Path) -> tuple[Any, int]:
        from pyarrow.parquet import ParquetFile

        with ParquetFile(path) as file:
            return file.schema_arrow, file.metadata.num_rows

    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        from pyarrow.parquet import ParquetFile

        self._found.unchanged()
        with ParquetFile(self._path, page_checksum_verification=True, pre_buffer=False) as file:
            # pyarrow treats a name with a dot as a path into a column.
            dotted = any("." in name for name in names)
            for batch in file.iter_batches(rows, columns=None if dotted else list(names)):
                batch.validate(full=True)  # a damaged page may have offsets outside of it
                yield batch.select(list(names))


def open_file(source: parquet, found: Found, span: Span | None) -> ParquetTable:
    """The table of a file. Raises `Fault`: MS601, MS604, MS642."""
    return ParquetTable(found, span)

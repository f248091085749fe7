"""`npy`: an array in a separate file, as written by NumPy."""

from __future__ import annotations

from modelspec.catalog.sources.npy import npy
from modelspec.core.diagnostics import Span
from modelspec.core.settings import Context

from .formats.column_files import ColumnFilesTable, opened_at
from .formats.files import Found, believe
from .formats.numpy_header import read_header
from .formats.stored_arrays import StoredArray, size_of


class NpyTable(ColumnFilesTable):
    """Columns that are `.npy` files."""

    ending = ".npy"

    def header(self, found: Found) -> StoredArray:
        path, what = found.path, f"`{found.shown}`"
        with path.open("rb") as file:
            shape, fortran, dtype = read_header(file, what)
            start = file.tell()
        believe(size_of(shape, dtype), path.stat().st_size - start, what, f" (shape {shape})")
        return StoredArray(shape, dtype, lambda: opened_at(found, start), fortran)


def open_table(source: npy, context: Context, span: Span | None) -> NpyTable:
    """The table of an `npy` source. Raises `Fault`."""
    return NpyTable.of(source, context, span)

"""The kinds of sources: each has a module here that makes a `Table` of its settings.

A new kind is a settings class in `modelspec.catalog.sources`, listed in `SOURCES` there, a module
here, and its line in `_FILES` (a module with `open_file`, a table of one file; several are joined)
or in `_WHOLE` (a module with `open_table`).
"""

from __future__ import annotations

from importlib import import_module

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context, Settings

from ..table import Table, fail
from .files import locate, locate_all, name_of, read_bytes

__all__ = ["locate", "open_source", "read_bytes"]

_FILES = {
    "npz": "arrays",
    "parquet": "columnar",
    "arrow": "columnar",
    "jsonl": "objects",
    "hdf5": "hierarchical",
    "tfrecord": "records",
}
"""Source by its name in a spec -> the module that reads a file of it."""
_WHOLE = {
    "csv": "delimited",
    "dataset": "bundled",
    "npy": "single",
    "idx": "single",
    "images": "pictures",
    "text": "texts",
    "skipgrams": "pairs",
}
"""The same for sources that see to their files themselves."""


def open_source(source: Settings, context: Context, span: Span | None = None) -> Table:
    """The columns of a source. Paths are relative to the spec's folder and stay in its project.

    Raises `DataError`, placed at `span`, where the source cannot be opened or is not what its kind
    says.
    """
    kind = source.kind()
    if kind == "given":
        table: Table = source.table  # type: ignore[attr-defined]
        return table
    try:
        if kind in _WHOLE:
            found: Table = import_module(f"{__name__}.{_WHOLE[kind]}").open_table(
                source, context, span
            )
            return found
        return _join(source, context, span)
    except Fault as fault:
        raise fail(fault, span) from None


def _join(source: Settings, context: Context, span: Span | None) -> Table:
    from .joined import JoinedTable

    module = import_module(f"{__name__}.{_FILES[source.kind()]}")
    path: str | tuple[str, ...] = source.path  # type: ignore[attr-defined]
    tables: list[Table] = [module.open_file(source, one, span) for one in locate_all(path, context)]
    return tables[0] if len(tables) == 1 else JoinedTable(name_of(path), tables, span)

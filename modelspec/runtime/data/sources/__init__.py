"""The sources: each has a module here with its name that opens it, and a declaration in
`modelspec.catalog.sources`.

A module has `open_table(source, context, span)`, which makes the table of the whole source, or
`open_file(source, found, span)`, which makes the table of one of the files in `path`; the tables of
several files are then joined. Code that the modules share is in `formats`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Diagnostic, Fault, Span, listed
from modelspec.core.plugins.declared import Declared
from modelspec.core.settings import Context

from ..table import Table, fail
from .formats.files import folder_of, locate_all, name_of

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source

__all__ = ["open_source"]


def open_source(source: Source, context: Context, span: Span | None = None) -> Table:
    """The columns of a source. Paths are relative to the spec's folder and stay in its project.

    Raises `DataError`, placed at `span`, if the source cannot be opened or does not have the format
    of its kind.
    """
    if source.kind() == "given":
        table: Table = source.table  # type: ignore[attr-defined]
        return table
    if isinstance(source, Declared):
        from ..plugin_source import open_plugin

        try:
            return open_plugin(source, context, span)
        except Fault as fault:
            raise fail(fault, span) from None
    module = import_module(f"{__name__}.{source.kind()}")
    try:
        if hasattr(module, "open_table"):
            table = module.open_table(source, context, span)
        else:
            table = _open_files(module, source, context, span)
    except Fault as fault:
        raise fail(fault, span) from None
    table.settings = source.beside_path()
    skipped: list[str] = []
    table.origin = folder_of(source, context, skipped)
    if skipped:
        table.warnings = (*table.warnings, _unread(skipped, span))
    return table


def _unread(folders: list[str], span: Span | None) -> Diagnostic:
    """The warning for folders that a pattern searched but could not read."""
    more = f" and {len(folders) - 3:,} more" if len(folders) > 3 else ""
    return Diagnostic(
        "MS699",
        "warning",
        f"{listed(folders[:3])}{more} cannot be read; the files there are left out",
        span,
        help="change the permissions, or write a pattern that does not search there",
    )


def _open_files(module: ModuleType, source: Source, context: Context, span: Span | None) -> Table:
    from .formats.joined_files import JoinedTable

    path: str | tuple[str, ...] = source.path  # type: ignore[attr-defined]
    tables: list[Table] = [module.open_file(source, one, span) for one in locate_all(path, context)]
    return tables[0] if len(tables) == 1 else JoinedTable(name_of(path), tables, span)

"""A table without the rows whose files cannot be read, for commands that skip such rows."""

from __future__ import annotations

import numpy as np

from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.feature import Feature
from modelspec.compiler.spec.file_reading import file_columns
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context

from .file_columns import decoded_files, member_of
from .filtered import FilteredTable
from .skipped_rows import SkippedRows, row_places
from .table import Table


def with_readable_files(
    table: Table, data: DataSection, context: Context, skipped: SkippedRows
) -> Table:
    """The table itself if every file that an input reads exists and decodes; otherwise without the
    other rows, which `skipped` notes. Raises `RunError` (MS734) if no row is left.
    """
    bad: dict[int, str] = {}
    for name, feature in file_columns(data.inputs or {}).items():
        if name not in table and (feature.column or "") in table:
            _look(name, feature, table, context, bad)
    if not bad:
        return table
    places, origin = row_places(table, sorted(bad)), table.source_places
    for row, reason in bad.items():
        number = row if origin is None else int(origin[row])
        skipped.add(number + 1, places[row], f"{reason} ({places[row]})")
    count = len(table.column(table.names[0], text=True))
    rows = np.setdiff1d(np.arange(count), list(bad))
    if not len(rows):
        raise skipped.none_left(table.name)
    kept = FilteredTable(table, "", rows, count)
    kept.settings, kept.left_out = table.settings, table.left_out
    kept.source_places = rows if origin is None else origin[rows]
    return kept


def _look(name: str, feature: Feature, table: Table, context: Context, bad: dict[int, str]) -> None:
    """Notes the rows whose file does not exist or does not decode."""
    found = {}
    for row, cell in enumerate(table.column(feature.column or "", text=True).tolist()):
        try:
            found[row] = member_of(cell, table, context)
        except Fault as fault:
            bad.setdefault(row, fault.message)
    decoded = decoded_files(name, feature, list(found.values()), table.name, {})
    for row, each in zip(found, decoded.each(), strict=True):
        if isinstance(each, Fault):
            bad.setdefault(row, each.message)

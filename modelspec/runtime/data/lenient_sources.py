"""Sources opened without their unreadable rows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from modelspec.catalog.sources.common.source import Source
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context

from .skipped_rows import SkippedRows
from .sources import open_source
from .sources.formats.files import folder_of
from .table import Table, fail

_BY_LINE = {
    "csv": ".sources.formats.csv_lenient",
    "jsonl": ".sources.formats.jsonl_lenient",
}
"""The modules that open sources with one row per line."""


def open_leniently(source: Source, context: Context, skipped: SkippedRows) -> Table:
    """The table of a source. Rows with too many or too few cells, lines that are not a JSON object
    like the others, and image files that cannot be decoded are left out and added to `skipped`.
    Raises `DataError` for errors of the source as a whole.
    """
    try:
        if source.kind() in _BY_LINE:
            table: Table = import_module(_BY_LINE[source.kind()], __package__).open_lenient(
                source, context, skipped
            )
            table.settings, table.origin = source.beside_path(), folder_of(source, context)
            return table
        if "unreadable" in type(source).model_fields:
            return _without_unreadable(source, context, skipped)
    except Fault as fault:
        raise fail(fault, None) from None
    return open_source(source, context)


def _without_unreadable(source: Source, context: Context, skipped: SkippedRows) -> Table:
    every: Sequence[str] = open_source(source, context).file_names or ()
    table = open_source(source.model_copy(update={"unreadable": "skip"}), context)
    kept = set(table.file_names or ())
    reasons = [note.message for one in table.warnings for note in one.notes]
    places = []
    for number, name in enumerate(every, 1):
        if name in kept:
            places.append(number - 1)
            continue
        reason = next((text for text in reasons if name in text), f"`{name}` cannot be decoded")
        skipped.add(number, name, reason)
    table.warnings = tuple(one for one in table.warnings if one.code != "MS644")
    table.source_places = np.array(places, dtype=np.int64)
    return table

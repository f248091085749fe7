"""JSON lines without unreadable lines, and without objects that differ from the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context
from modelspec.runtime.data.skipped_rows import SkippedRows
from modelspec.runtime.data.table import Table
from modelspec.runtime.data.usual_rows import Usual

from .. import jsonl
from . import files
from .joined_files import JoinedTable


def open_lenient(source: Any, context: Context, skipped: SkippedRows) -> Table:
    """The table of a `jsonl` source; lines without an object, objects with other keys than most,
    and objects with a value of another kind are noted in `skipped`. Raises `Fault` or `DataError`
    for problems of a whole file.
    """
    tables: list[Table] = []
    places, start = [], 0
    for one in files.locate_all(source.path, context):
        usual = Usual((row for _, row in _rows(one)), absent=source.absent)
        bad, kept, count = set(), [], 0
        for line, row in _rows(one):
            reason = usual.wrong(row, f"{one.shown}:{line}")
            if reason is None:
                kept.append(start + count)
            else:
                bad.add(line)
                skipped.add(start + count + 1, f"{one.shown}:{line}", reason)
            count += 1
        if count and not kept:
            raise skipped.none_left(one.shown)
        tables.append(jsonl.open_file(source, one, None, frozenset(bad)))
        places += kept
        start += count
    table = tables[0] if len(tables) == 1 else JoinedTable(files.name_of(source.path), tables, None)
    table.source_places = np.array(places, dtype=np.int64)
    return table


def _rows(found: files.Found) -> Iterator[tuple[int, jsonl.Row | Fault]]:
    """Every line with its object, or with its problem."""
    for line, raw in jsonl.lines(found):
        try:
            row = jsonl.row_of(raw, line, found.shown)
        except Fault as fault:
            yield line, fault
            continue
        if row is not None:
            yield line, row

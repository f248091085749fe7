"""The beginning of a CSV file: its likely delimiter, and the cells of its first line."""

from __future__ import annotations

import io
from dataclasses import dataclass

from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context

from . import files
from .csv_dialect import delimiter_of
from .csv_stream import Stored
from .csv_text import Text, records

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Beginning:
    """The first lines of a file."""

    text: str
    shown: str
    delimiter: str | None
    """The only delimiter that makes a table of them; None if there are several, or none."""

    def cells(self, delimiter: object) -> list[str]:
        """The cells of the first line; empty if it cannot be read."""
        mark = delimiter if isinstance(delimiter, str) else self.delimiter or ","
        try:
            found = records(io.StringIO(self.text, newline=""), mark, self.shown)
            return next(found, (0, []))[1]
        except Fault:
            return []


def beginning(source: csv, context: Context) -> Beginning | None:
    """The beginning of the first file of a source; None if it cannot be read, which is reported
    when the file is opened.
    """
    try:
        found = files.locate_all(source.path, context)[0]
        stored = Stored.of(found, source)
        with stored.open() as file:
            data = file.read(files.CHUNK).removeprefix(_BOM)
    except (Fault, OSError):
        return None
    end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    data = data[:end] if end and len(data) >= files.CHUNK // 2 else data
    quotes = b'"' in data
    text = Text(stored, "", len(data), data, False, quotes, quotes, False)
    try:
        mark = delimiter_of(text, source.model_copy(update={"header": None}))
    except Fault:
        mark = None
    shown = text.sample()[0]
    return Beginning(shown, found.shown, mark if mark and mark in shown else None)

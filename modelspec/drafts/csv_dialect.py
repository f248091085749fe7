"""How a CSV file is read: its delimiter, its encoding, whether it has a header, and the cells that
mark missing values.
"""

from __future__ import annotations

import codecs
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from modelspec.catalog.sources import read_source
from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context
from modelspec.runtime.data.cells import reads_as_number
from modelspec.runtime.data.sources.formats.csv_beginning import Beginning, beginning
from modelspec.runtime.data.sources.formats.csv_dialect import SEPARATORS
from modelspec.runtime.data.sources.formats.csv_text import records

from .problem import NoDraft

_RECORDS = 300
"""Records that are examined."""
_WORDS = 4
"""A column whose cells have so many words on average is text."""
_FEW = 20
"""A column with at most so many different values may be one of labels."""


class Dialect(NamedTuple):
    """Settings of a `csv` source besides its path, each with a reason."""

    settings: dict[str, Any]
    reasons: dict[str, str]


def dialect_of(path: Path, context: Context) -> Dialect:
    """The settings without which the file cannot be read. Raises `NoDraft`."""
    found = Dialect({}, {})
    _find_encoding(path, found)
    start = _beginning(path, found, context)
    _find_delimiter(path, start, found)
    mark = found.settings.get("delimiter") or start.delimiter or ","
    _find_header(_records(start, mark), found)
    return found


def _beginning(path: Path, found: Dialect, context: Context) -> Beginning:
    source = cast(csv, read_source({"csv": {"path": path.name, **found.settings}}, context))
    start = beginning(source, context)
    if start is None:
        raise NoDraft(f"`{path.name}` cannot be read", "check that it is a text file")
    if not start.text.strip("\ufeff \t\r\n"):
        raise NoDraft(f"`{path.name}` is empty", "a table has a row of names and a row per example")
    return start


def _find_encoding(path: Path, found: Dialect) -> None:
    """UTF-16 by its mark; Windows' encoding if the file is not UTF-8."""
    with path.open("rb") as file:
        data = file.read(2**20)
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        found.settings["encoding"] = "utf-16"
        found.reasons["encoding"] = "the file begins with the mark of UTF-16"
        return
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        if data[:2] == b"\x1f\x8b" or b"\0" in data:
            return  # compressed, or not a text file
        found.settings["encoding"] = "cp1252"
        found.reasons["encoding"] = "the file is not UTF-8; this is the encoding of Windows"


def _find_delimiter(path: Path, start: Beginning, found: Dialect) -> None:
    if path.name.lower().endswith(".tsv"):
        found.settings["delimiter"] = "\t"
        return
    if start.delimiter is not None:
        return
    widths = {mark: len(start.cells(mark)) for mark in SEPARATORS}
    widest = max(widths, key=lambda mark: widths[mark])
    if widths[widest] > 1:
        found.settings["delimiter"] = widest
        found.reasons["delimiter"] = (
            f"rows have different numbers of cells; the first has {widths[widest]} with it"
        )


def _records(start: Beginning, mark: str) -> list[list[str]]:
    """The first records, without empty cells at their ends."""
    lines = io.StringIO(start.text, newline="")
    return [list(cells) for cells in islice(_readable(lines, mark, start.shown), _RECORDS)]


def _readable(lines: io.StringIO, mark: str, shown: str) -> Iterator[list[str]]:
    """The records before a damaged one, which is reported when the file is opened."""
    try:
        for _, cells in records(lines, mark, shown):
            yield cells
    except Fault:
        return


# The header ---------------------------------------------------------------------------------------


def _find_header(rows: Sequence[Sequence[str]], found: Dialect) -> None:
    """Names for the columns, if the first line is an example."""
    if len(rows) < 2:
        return
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    why = _is_example(first, rest)
    if why is None:
        return
    found.settings["header"] = tuple(_names(rows))
    found.reasons["header"] = f"the file has no header: {why}; rename the columns here"


def _is_example(first: Sequence[str], rest: Sequence[Sequence[str]]) -> str | None:
    """Why the first line is not a header; None if it is one."""
    numbers = sum(map(reads_as_number, first))
    below = _columns(rest, len(first))
    if 2 * numbers >= len(first) and all(
        _numeric(column) for cell, column in zip(first, below, strict=True) if reads_as_number(cell)
    ):
        counted = [str(number) for number in range(len(first))]
        if list(first) != counted and list(first) != [str(int(one) + 1) for one in counted]:
            return "its first line has numbers"
    for cell, column in zip(first, below, strict=True):
        repeats = Counter(column)
        if cell and not reads_as_number(cell) and repeats[cell] >= 2 and len(repeats) <= _FEW:
            return f'"{cell}" of its first line is in further lines'
    return None


def _columns(rows: Sequence[Sequence[str]], count: int) -> list[list[str]]:
    """The cells of each column that are not empty."""
    return [
        [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        for at in range(count)
    ]


def _numeric(column: Sequence[str]) -> bool:
    return bool(column) and sum(map(reads_as_number, column)) > len(column) // 2


def _names(rows: Sequence[Sequence[str]]) -> list[str]:
    """`column_1`, ...; `text` for the only column of text, `label` for the only one of labels."""
    columns = _columns(rows, max(map(len, rows)))
    texts = [at for at, column in enumerate(columns) if _is_text(column)]
    labels = [at for at, column in enumerate(columns) if _is_label(column)]
    names = [f"column_{at}" for at in range(1, len(columns) + 1)]
    if len(texts) == 1:
        names[texts[0]] = "text"
    if len(labels) == 1:
        names[labels[0]] = "label"
    return names


def _is_text(column: Sequence[str]) -> bool:
    words = sum(len(cell.split()) for cell in column)
    return bool(column) and words >= _WORDS * len(column)


def _is_label(column: Sequence[str]) -> bool:
    """Whether cells are a few words that repeat."""
    return not _numeric(column) and 2 <= len(set(column)) <= min(_FEW, len(column) // 5)

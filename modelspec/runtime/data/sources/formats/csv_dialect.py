"""The dialect of a CSV file: the delimiter of its cells, and the names of its columns."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Fault, listed

from .csv_text import Text, records, trimmed

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_ENOUGH = 1000
"""Records that are examined."""


def delimiter_of(text: Text, source: csv) -> str:
    """The delimiter: the given one, or the only one that makes a table of the file's beginning.

    If none does, the only one that occurs in the first line: problems with the rows are reported
    later. Raises `Fault` (MS641) if it is ambiguous.
    """
    if source.delimiter is not None:
        return source.delimiter
    if text.shown.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"
    sample, whole = text.sample()
    wanted = len(source.header or ()) or None
    widths = {mark: _widths(sample, mark, text.shown, whole, wanted) for mark in SEPARATORS}
    if wanted == 1:
        return _absent(widths)
    meant = _meant(widths, wanted)
    if len(meant) > 1:
        raise _ambiguous(text.shown, meant, widths)
    return meant[0] if meant else ","


def _meant(widths: dict[str, list[int]], wanted: int | None) -> list[str]:
    """The delimiters that make a table; without any, those in the first line."""
    tables = [mark for mark, found in widths.items() if _is_table(found, wanted)]
    return tables or [mark for mark, found in widths.items() if found and found[0] > 1]


def _absent(widths: dict[str, list[int]]) -> str:
    """A delimiter that does not occur, for a table of one column."""
    return next((mark for mark, found in widths.items() if set(found) == {1}), ",")


def _is_table(widths: list[int], wanted: int | None) -> bool:
    """Whether all records have the same number of cells, more than 1, and the number wanted."""
    return len(set(widths)) == 1 and widths[0] == (wanted or widths[0]) > 1


def _widths(sample: str, mark: str, shown: str, whole: bool, wanted: int | None) -> list[int]:
    """The cells of each record, without empty ones beyond `wanted`, or beyond those of the first. A
    sample that ends inside quotes, or has unbalanced quotes, ends the list.
    """
    found: list[int] = []
    try:
        for _, record in islice(records(io.StringIO(sample, newline=""), mark, shown), _ENOUGH):
            width = wanted or (found[0] if found else len(record))
            found.append(len(trimmed(record, width)))  # what was found before a fault counts
    except Fault:
        if not whole:
            found = found[:-1] or found
    return found


def _ambiguous(shown: str, tables: list[str], widths: dict[str, list[int]]) -> Fault:
    choices = " or ".join(f"{SEPARATORS[mark]} ({widths[mark][0]} columns)" for mark in tables)
    return Fault(
        "MS641",
        f"the delimiter of `{shown}` is ambiguous: {choices}",
        help=f'set it: `csv: {{path: ..., delimiter: "{_shown(tables[0])}"}}`',
    )


def _shown(mark: str) -> str:
    return "\\t" if mark == "\t" else mark


def read_header(found: Iterator[tuple[int, list[str]]], source: csv, shown: str) -> tuple[str, ...]:
    """The names of the columns: `header`, or the first record, which is consumed; `""` for a first
    column without a name, as in tables with row numbers. Raises `Fault` (MS604).
    """
    if source.header is not None:
        names, where = source.header, "`header`"
    else:
        line, first = next(found)
        names, where = tuple(first), f"{shown}:{line}"
    names = tuple(name.strip() for name in names)
    _check_names(names, where, first_may_lack=source.header is None)
    if source.header is None and _all_numbers(names, source.decimal):
        raise Fault(
            "MS604",
            f"the first line of `{shown}` should contain column names, but it contains numbers",
            help=("if it is an example, set the column names: `csv: {path: ..., header: [a, b]}`"),
        )
    return names


def _check_names(names: tuple[str, ...], where: str, *, first_may_lack: bool) -> None:
    """Raises `Fault` (MS604) for a column without a name, and for a duplicate name."""
    blank = [str(position) for position, name in enumerate(names, 1) if not name]
    if blank and not (first_may_lack and blank == ["1"] and len(names) > 1):
        raise Fault(
            "MS604",
            f"column {', '.join(blank[:10])} has no name in {where}",
            help="name every column",
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Fault(
            "MS604",
            f"{where} has duplicate columns: {listed(twice[:10])}",
            help="give each column a unique name",
        )


def _all_numbers(names: tuple[str, ...], decimal: str) -> bool:
    """Whether names look like a row of data; columns numbered from 0 or 1 do not."""
    try:
        numbers = [float(name.replace(decimal, ".")) for name in names]
    except ValueError:
        return False
    return numbers != list(range(len(names))) and numbers != list(range(1, len(names) + 1))


def separator_hint(header: tuple[str, ...], record: list[str], delimiter: str) -> str | None:
    """The fix if the file seems to have another delimiter, which occurs in its only column."""
    if len(header) > 1:
        return None
    for mark, words in SEPARATORS.items():
        if mark != delimiter and header[0].count(mark) and mark in delimiter.join(record):
            return (
                f"the delimiter seems to be {words}: write `csv: {{path: ..., delimiter:"
                f' "{_shown(mark)}"}}`'
            )
    return None

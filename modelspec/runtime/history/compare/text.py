"""A comparison for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from modelspec.core.text_table import GAP, column_widths, text_table
from modelspec.core.visible import visible

from .comparison import Comparison
from .tables import BEST, Cell, Table, curve_table, matrix_tables, tables

_BOLD, _GREEN, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[0m"
_MARKED = re.compile(rf"\{BEST}-?[\d.]\S*")
_NAMES: Final = 48
"""The maximum width of a cell in the first column."""
_NARROW, _WIDE = 22, 44
"""The maximum width of the other columns: a longer value continues in the next line."""
_CLASSES: Final = 12
"""The most classes of a confusion matrix."""
_LINES: Final = 6
"""The most characters of a value."""
_ROWS: Final = 60
"""The most rows of a table; the others are counted."""


def as_text(found: Comparison, *, width: int = 100, colour: bool = False) -> str:
    """Tables in lines of at most `width` characters: runs that do not fit beside the others are
    compared in a table below. Only a wider path is cut in the middle.
    """
    parts = [
        part
        for table in (*tables(found), *matrix_tables(found, _CLASSES), curve_table(found))
        if table.rows or table.remark
        for part in (_titled(table, found), *_fitted(table, width, colour))
    ]
    lines = [
        f"{_BOLD}{part}{_RESET}" if colour and isinstance(part, _Title) else part for part in parts
    ]
    return "\n".join(_spaced(parts, lines))


class _Title(str):
    """A line above a table."""


def _spaced(parts: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """An empty line above every title, and between the tables of one title."""
    for at, (part, line) in enumerate(zip(parts, lines, strict=True)):
        if at and (isinstance(part, _Title) or not isinstance(parts[at - 1], _Title)):
            yield ""
        yield line


def _titled(table: Table, found: Comparison) -> _Title:
    has_differences = any(cell.difference for row in table.rows for cell in row)
    words = [f"differences from {visible(found.labels[0])}"] if has_differences else []
    if any(cell.is_best for row in table.rows for cell in row):
        words.append(f"{BEST} is the best")
    about = f": {visible(table.about)}" if table.about else ""
    return _Title(table.title + about + (f" ({', '.join(words)})" if words else ""))


def _fitted(table: Table, width: int, colour: bool) -> Iterator[str]:
    """The table, or several with as many runs as fit, and its remark."""
    if not table.rows:
        yield visible(table.remark)
        return
    longest = max(_NARROW // 2, min(_NAMES, width - _NARROW - len(GAP)))
    header = [_cut_middle(visible(name), longest) for name in table.header]
    rows = _wrapped_rows(table, width, longest)
    for columns in _groups(header, rows, width) if table.by_run else [range(len(header))]:
        text = text_table(
            [header[at] for at in columns],
            [line for row in rows for line in _lines([row[at] for at in columns])],
            left=(0,) if table.of_numbers else range(len(columns)),
        )
        text = "\n".join(_cut_end(line, width) for line in text.splitlines())
        yield _MARKED.sub(lambda one: f"{_GREEN}{one[0]}{_RESET}", text) if colour else text
    if len(table.rows) > _ROWS:
        yield f"... {len(table.rows) - _ROWS:,} more; `--format json` lists all"
    if table.remark:
        yield visible(table.remark)


def _wrapped_rows(table: Table, width: int, longest: int) -> list[list[list[str]]]:
    """The lines of every cell, narrow enough for all runs in one table if that is readable."""
    shown = [[visible(cell.text) for cell in row] for row in _joined(table.rows[:_ROWS])]
    names = [_cut_middle(name, longest) for name, *_ in shown]
    room = (width - max(map(len, names))) // (len(table.header) - 1) - len(GAP)
    most = max(_NARROW, min(room, _WIDE)) if table.by_run else width
    return [
        [[name], *(_wrapped(value, most) for value in values)]
        for name, (_, *values) in zip(names, shown, strict=True)
    ]


def _lines(cells: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """A row in as many lines as its longest value requires."""
    for at in range(max(map(len, cells))):
        yield [cell[at] if at < len(cell) else "" for cell in cells]


def _wrapped(value: str, most: int) -> list[str]:
    lines = wrap(value[: (_LINES + 1) * most], most, subsequent_indent="  ") or [value]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], "  ..."]


def _groups(
    header: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], width: int
) -> list[list[int]]:
    """The columns of each table: the first one, and as many runs as fit."""
    lines = [line for row in rows for line in _lines(row)]
    first, *widths = column_widths([header, *lines])
    groups: list[list[int]] = []
    room = 0
    for at, one in enumerate(widths, 1):
        if not groups or one + len(GAP) > room:
            groups.append([0])
            room = width - first
        groups[-1].append(at)
        room -= one + len(GAP)
    return groups


def _joined(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Numbers with their differences in one cell, aligned in each column."""
    apart = [
        max((len(row[at].difference) for row in rows), default=0) for at in range(len(rows[0]))
    ]
    return [
        [
            Cell(
                f"{BEST * cell.is_best}{cell.text}"
                + (f" {cell.difference:>{room}}" if room else "")
            )
            for cell, room in zip(row, apart, strict=True)
        ]
        for row in rows
    ]


def _cut_middle(text: str, most: int) -> str:
    """The end of a path is the most informative part."""
    if len(text) <= most:
        return text
    start = most // 3
    return f"{text[:start]}...{text[start + 3 - most :]}"


def _cut_end(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."

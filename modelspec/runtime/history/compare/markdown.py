"""A comparison as Markdown, for a pull request or the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from modelspec.core.visible import visible

from .comparison import Comparison
from .tables import Cell, Table, curve_table, matrix_tables, tables

_PLAIN = re.compile(r"[\w ./,:;=+*{}()\[\]%#@'\"!?<>~^▁-█-]*")
"""The characters allowed in a code span: no backticks, backslashes and pipes."""
_NUMBER = re.compile(r"[-+]?[\d.,:]+(e[-+]?\d+)?( s)?|[-?]|nan|inf")
_ROWS: Final = 200
"""The most rows of a table: a GitHub comment allows 65,536 characters."""
_CLASSES: Final = 12
"""The most classes of a confusion matrix."""
_LONGEST: Final = 200


def as_markdown(found: Comparison) -> str:
    """A section for each table; the best of each metric is bold."""
    return "\n".join(_parts(found)) + "\n"


def _parts(found: Comparison) -> Iterator[str]:
    every = [*tables(found), *matrix_tables(found, _CLASSES), curve_table(found)]
    for at, table in enumerate(one for one in every if one.rows or one.remark):
        yield from ([""] if at else [])
        yield f"### {table.title}" + (f": {_code(table.about)}" if table.about else "")
        if table.rows:
            yield ""
            yield from _table(table)
        if len(table.rows) > _ROWS:
            yield ""
            yield f"{len(table.rows) - _ROWS:,} more"
        if table.remark:
            yield ""
            yield _entities(visible(table.remark).replace("@", "@\u200b"))


def _table(table: Table) -> Iterator[str]:
    right = [False, *[table.of_numbers] * (len(table.header) - 1)]
    first, *others = table.header
    yield _line((first, *(map(_code, others) if table.by_run else others)))
    yield _line("--:" if one else "---" for one in right)
    for row in table.rows[:_ROWS]:
        yield _line(map(_cell, row))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = _code(cell.text)
    number = f"**{text}**" if cell.is_best else text
    return f"{number} ({cell.difference})" if cell.difference else number


def _code(text: str) -> str:
    """Text without any markup, link or mention, on one line. A number is unchanged."""
    shown = visible(text)
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
    if not shown.strip() or _NUMBER.fullmatch(shown):
        return shown
    if _PLAIN.fullmatch(shown):
        return f"`{shown.strip()}`"
    return f"<code>{_entities(shown)}</code>"


def _entities(text: str) -> str:
    return "".join(one if one.isalnum() or one == " " else f"&#{ord(one)};" for one in text)

"""A page of the manual, and its two forms: text for a terminal, Markdown for the reference."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One line of a table: a setting, a key, an argument, a member of a family."""

    name: str
    takes: str
    default: str = ""
    text: str = ""
    """What more there is to say about it."""


@dataclass(frozen=True)
class Table:
    heading: str
    rows: tuple[Row, ...]
    columns: tuple[str, str, str] = ("setting", "takes", "default")


@dataclass(frozen=True)
class Page:
    """`text` is Markdown, as docstrings are; `notes` are single sentences that follow the
    tables.
    """

    title: str
    subtitle: str
    text: str
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


# For a terminal -----------------------------------------------------------------------------------


def as_text(page: Page, width: int = 100) -> str:
    """The page in at most `width` columns."""
    lines = [
        f"{page.title} ({page.subtitle})" if page.subtitle else page.title,
        "",
        *_prose(page.text, width),
    ]
    for table in page.tables:
        lines += ["", table.heading, *_table(table, width)]
    if page.notes:
        lines.append("")
        for note in page.notes:
            lines += _wrapped(note, width, "", "  ")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _prose(text: str, width: int) -> Iterator[str]:
    """Paragraphs and lists filled anew, code as it is."""
    blocks: list[list[str]] = []
    for index, part in enumerate(_FENCE.split(text)):
        if index % 2:
            blocks.append(textwrap.indent(part.rstrip("\n"), "    ").split("\n"))
        else:
            blocks += [_paragraph(one, width) for one in re.split(r"\n\s*\n", part) if one.strip()]
    for index, block in enumerate(blocks):
        yield from [""] * bool(index)
        yield from block


def _paragraph(text: str, width: int) -> list[str]:
    text = text.strip("\n")
    if text.startswith("#"):
        return [text.lstrip("# ")]
    if text.startswith("- "):
        items = re.split(r"^- ", text, flags=re.MULTILINE)[1:]
        return [line for item in items for line in _wrapped(item, width, "- ", "  ")]
    return text.split("\n") if text.startswith("|") else _wrapped(text, width)


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(table: Table, width: int) -> Iterator[str]:
    name = min(max((len(row.name) for row in table.rows), default=0), 40)
    default = min(max((len(row.default) for row in table.rows), default=0), 24)
    room = max(24, width - name - 4 - (default + 2 if default else 0))
    taken = min(room, max((len(row.takes) for row in table.rows), default=0))
    for row in table.rows:
        takes = _wrapped(row.takes, taken) or [""]
        yield f"  {row.name:<{name}}  {takes[0]:<{taken}}  {row.default}"
        yield from (" " * (name + 4) + line for line in takes[1:])
        yield from _wrapped(row.text, width, " " * (name + 4), " " * (name + 4))


# For the reference --------------------------------------------------------------------------------


def as_markdown(page: Page, level: int = 3) -> str:
    """The page with its title as a heading of the level."""
    subtitle = f"\n*{page.subtitle}*\n" if page.subtitle else ""
    parts = [f"{'#' * level} {page.title}\n{subtitle}\n{page.text.strip()}\n"]
    parts += [_markdown_table(table) for table in page.tables]
    parts += [f"{note}\n" for note in page.notes]
    return "\n".join(parts)


def _markdown_table(table: Table) -> str:
    texts = any(row.text for row in table.rows)
    defaults = any(row.default for row in table.rows)
    head = [*table.columns[: 3 if defaults else 2], *(["meaning"] if texts else ())]
    lines = [f"{table.heading}\n", _cells(head), _cells(["---"] * len(head))]
    for row in table.rows:
        name = row.name if row.name.startswith("`") else f"`{row.name}`"
        shown = f"`{row.default}`" if row.default and row.default not in WORDS else row.default
        lines.append(
            _cells(
                [name, row.takes, *([shown] if defaults else ()), *([row.text] if texts else ())]
            )
        )
    return "\n".join(lines) + "\n"


WORDS = ("needed", "optional")
"""Defaults that are words rather than values."""


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"

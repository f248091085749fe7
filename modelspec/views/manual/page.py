"""A page of the manual in two forms: text for a terminal, Markdown for the reference."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


NEEDED, OPTIONAL = "required", "optional"
"""Defaults that are descriptions, not values."""


@dataclass(frozen=True)
class Row:
    """One line of a table: a setting, a key, an argument, a member of a family."""

    name: str
    takes: str
    default: str = ""
    text: str = ""
    """Additional description."""

    @property
    def default_sentence(self) -> str:
        """The sentence about the default."""
        return "It is required." if self.default == NEEDED else f"The default is `{self.default}`."


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
    """Paragraphs and lists wrapped again, code unchanged."""
    blocks: list[list[str]] = []
    for index, part in enumerate(_FENCE.split(text)):
        is_code = index % 2 == 1
        if is_code:
            blocks.append(textwrap.indent(part.rstrip("\n"), "    ").split("\n"))
        else:
            blocks += [_paragraph(one, width) for one in re.split(r"\n\s*\n", part) if one.strip()]
    for index, block in enumerate(blocks):
        if index:
            yield ""
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
    name = _widest((row.name for row in table.rows), 40)
    default = _widest((row.default for row in table.rows), 24)
    room = max(24, width - name - 4 - (default + 2 if default else 0))
    taken = _widest((row.takes for row in table.rows), room)
    indent = " " * (name + 4)
    for row in table.rows:
        takes = _wrapped(row.takes, taken) or [""]
        yield f"  {row.name:<{name}}  {takes[0]:<{taken}}  {row.default}"
        yield from (indent + line for line in takes[1:])
        yield from _wrapped(row.text, width, indent, indent)


def _widest(cells: Iterable[str], most: int) -> int:
    """The width of a column."""
    return min(most, max(map(len, cells), default=0))


# For the reference --------------------------------------------------------------------------------


def as_markdown(page: Page, level: int = 3) -> str:
    """The page with its title as a heading of the level."""
    subtitle = f"\n*{page.subtitle}*\n" if page.subtitle else ""
    parts = [f"{'#' * level} {page.title}\n{subtitle}\n{page.text.strip()}\n"]
    parts += [_markdown_table(table) for table in page.tables]
    parts += [f"{note}\n" for note in page.notes]
    return "\n".join(parts)


def _markdown_table(table: Table) -> str:
    has_defaults = any(row.default for row in table.rows)
    has_texts = any(row.text for row in table.rows)
    head = [*table.columns[: 3 if has_defaults else 2], *(["meaning"] if has_texts else ())]
    lines = [f"{table.heading}\n", _cells(head), _cells(["---"] * len(head))]
    for row in table.rows:
        cells = [_code(row.name), row.takes]
        if has_defaults:
            is_word = row.default in ("", NEEDED, OPTIONAL)
            cells.append(row.default if is_word else f"`{row.default}`")
        if has_texts:
            cells.append(row.text)
        lines.append(_cells(cells))
    return "\n".join(lines) + "\n"


def _code(name: str) -> str:
    return name if name.startswith("`") else f"`{name}`"


def _cells(cells: Iterable[str]) -> str:
    """A line of a table; a `|` in a cell does not end it."""
    escaped = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"

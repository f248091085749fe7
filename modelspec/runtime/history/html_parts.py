"""The elements of a report: sections, tables, badges. All their text is escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from modelspec.core.visible import visible

_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Section:
    """A part of a page with a link in its table of contents."""

    id: str
    title: str
    body: str

    def written(self) -> str:
        return (
            f'<section id="{escape(self.id)}"><h2>{text(self.title)}</h2>\n{self.body}\n</section>'
        )


@dataclass(frozen=True)
class Cell:
    """A cell with more than its text."""

    text: str
    kind: str = ""
    """A class of the style sheet."""


def text(value: object) -> str:
    """A text as HTML; invisible characters are shown."""
    return escape(visible(str(value)))


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    label: str,
    left: int = 1,
    headed: bool = True,
) -> str:
    """A table that scrolls if it is wider than the page. The first `left` columns are text, the
    others numbers; the first cell of a row is its header.
    """
    head = "".join(_head(name, at >= left) for at, name in enumerate(header))
    body = "\n".join(_row(row, left, headed) for row in rows)
    return scrolled(
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>", label=label
    )


def scrolled(inner: str, *, label: str) -> str:
    """A scrollable region that is accessible by keyboard."""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(label)}">{inner}</div>'
    )


def _head(name: str, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f'<th scope="col"{kind}>{text(name)}</th>' if name else f"<td{kind}></td>"


def _row(row: Sequence[str | Cell], left: int, headed: bool) -> str:
    cells = []
    for at, one in enumerate(row):
        cell = one if isinstance(one, Cell) else Cell(one)
        kinds = " ".join(filter(None, ("n" if at >= left else "", cell.kind)))
        kind = f' class="{kinds}"' if kinds else ""
        if at == 0 and headed:
            cells.append(f'<th scope="row"{kind}>{text(cell.text)}</th>')
        else:
            cells.append(f"<td{kind}>{text(cell.text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Names with their values."""
    inner = "".join(
        f"<dt>{text(name)}</dt><dd>{prose(value)}</dd>" for name, value in rows if value
    )
    return f'<dl class="facts">{inner}</dl>' if inner else ""


def note(*sentences: str) -> str:
    """A paragraph beside figures."""
    said = " ".join(filter(None, sentences))
    return f'<p class="note">{prose(said)}</p>' if said else ""


def prose(said: str) -> str:
    """A sentence as HTML; backquoted text becomes code."""
    return _CODE.sub(r"<code>\1</code>", text(said))


def details(summary: str, inner: str) -> str:
    """Collapsible content."""
    return f"<details><summary>{text(summary)}</summary>\n{inner}</details>"


def image(content: bytes, alt: str, kind: str = "png") -> str:
    """An image inside the page."""
    return f'<img alt="{text(alt)}" src="data:image/{kind};base64,{b64encode(content).decode()}">'


def share(value: float | None) -> str:
    """`97.3%`; empty for None."""
    return "" if value is None else f"{value:.1%}"

"""`compare.html`: a comparison as a self-contained page: no script, no font, no other file.

All text from a manifest or a spec is escaped, and the page forbids itself to load or run anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from modelspec.core.visible import visible

from .. import charts
from ..formatting import number
from ..html_findings import matrix
from ..html_page import document
from ..html_parts import Section, note, scrolled, text
from .comparison import Comparison, Curve
from .tables import Cell, Table, no_matrices, tables

_LINES: Final = len(charts.COLORS)
"""The most runs of a chart: each run has its own color."""
_LONGEST: Final = 2000
"""The most characters of a cell."""
_SHORT: Final = 18
_BREAK = re.compile(r"(?<=[./_])(?=[^\W\d])|(?<=\w{20})(?=\w)")
"""Where a long text may be wrapped."""
_STYLE: Final = """
.compared tbody th{position:sticky;left:0;background:var(--ground);
  overflow-wrap:normal}
.compared :is(td,th){max-width:26rem}
.compared .apart{display:inline-block;min-width:4.7em;color:var(--quiet);font-size:.9em}
.compared .best{color:var(--good)}
.matrices{display:flex;flex-wrap:wrap;gap:.4rem 2rem}
.matrices h4{margin:.4rem 0 0;font-size:.95rem;font-weight:600}
.matrices>div{max-width:100%}
@media (max-width:40rem){.compared tbody th{max-width:9rem}}
"""


def page(found: Comparison) -> str:
    """The whole page."""
    title = f"{len(found.records)} runs compared"
    header = [f"<header><h1>{title}</h1></header>"]
    return document(title, list(_sections(found)), header=header, style=_STYLE)


def _sections(found: Comparison) -> Iterator[Section]:
    """The runs and their metrics first, then the curves, then their possible causes."""
    every = list(tables(found))
    first = [one for one in every if one.title in ("Runs", "Metrics")]
    yield from (_section(one, found) for one in first)
    curves = "".join(_curves(found))
    if curves:
        yield Section("curves", "Curves", curves)
    yield from _matrices(found)
    yield from (_section(one, found) for one in every if one not in first)


def _section(table: Table, found: Comparison) -> Section:
    parts = []
    if any(cell.difference for row in table.rows for cell in row):
        parts.append(note(f"Differences from {found.labels[0]}; the best of each row is bold."))
    if table.rows:
        parts.append(scrolled(_table(table), label=table.title))
    if table.remark:
        parts.append(note(table.remark))
    return Section(table.title.split()[0].lower().strip(","), table.title, "".join(parts))


def _table(table: Table) -> str:
    kind = ' class="n"' if table.of_numbers else ""
    first, *others = table.header
    head = (f'<th scope="col">{text(first)}</th>' if first else "<td></td>") + "".join(
        f'<th scope="col"{kind}>{_broken(name)}</th>' for name in others
    )
    wide = [any(row[at].difference for row in table.rows) for at in range(len(table.header))]
    body = "".join(
        f'<tr><th scope="row">{_broken(name.text)}</th>'
        + "".join(f"<td{kind}>{_cell(cell, wide[at])}</td>" for at, cell in enumerate(cells, 1))
        + "</tr>"
        for name, *cells in table.rows
    )
    return f'<table class="compared"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(cell: Cell, has_differences: bool) -> str:
    """A number, and its difference in a box of fixed width, so that the numbers are aligned."""
    shown = _broken(cell.text)
    shown = f'<strong class="best">{shown}</strong>' if cell.is_best else shown
    shown = f'<span class="{cell.kind}">{shown}</span>' if cell.kind else shown
    return shown + (
        f' <span class="apart">{text(cell.difference)}</span>' if has_differences else ""
    )


def _broken(value: str) -> str:
    """A text; a long one may be wrapped inside its words."""
    if len(value) <= _SHORT:
        return text(value)
    return "<wbr>".join(text(part) for part in _BREAK.split(visible(value[:_LONGEST])))


def _matrices(found: Comparison) -> Iterator[Section]:
    """The confusion matrices of the runs side by side, if their reports contain them."""
    parts = []
    for (output, part), each in found.confusions.items():
        drawn = [
            f"<div><h4>{text(label)}</h4>{matrix(one.labels, one.counts)}</div>"
            for label, one in zip(found.labels, each, strict=True)
            if one is not None
        ]
        parts.append(f"<h3>{text(output)}, {text(part)} part</h3>")
        parts.append(f'<div class="matrices">{"".join(drawn)}</div>')
    if parts:
        about = "Rows are the true classes, columns the predicted ones; shading is the share of"
        parts.insert(0, note(f"{about} the row.", no_matrices(found)))
        yield Section("confusion", "Confusion matrices", "".join(parts))


# Curves -------------------------------------------------------------------------------------------


def _curves(found: Comparison) -> Iterator[str]:
    """A chart for each curve, with a line for each run."""
    drawn = [_chart(one, found.labels) for one in found.curves if max(map(len, one.runs)) > 1]
    if drawn and len(found.records) > _LINES:
        yield note(f"Each chart shows the first {_LINES} runs that have its curve.")
    yield charts.grid(drawn)


def _chart(curve: Curve, labels: Sequence[str]) -> str:
    runs = [at for at, values in enumerate(curve.runs) if values][:_LINES]
    return charts.line_chart(
        visible(curve.name),
        {visible(labels[at]): curve.runs[at] for at in runs},
        notes={visible(labels[at]): _note(curve, at) for at in runs},
    )


def _note(curve: Curve, at: int) -> str:
    values, epoch = curve.runs[at], curve.best_epoch(at)
    best = f", best {number(values[epoch - 1])} in epoch {epoch}" if epoch is not None else ""
    return f"{number(values[-1])}{best}"

"""`report.html`: what a run came to, as one page that needs nothing but itself: no script, no font,
no other file.

Whatever a spec or a manifest says is escaped, and the page forbids itself to load or to run
anything.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from modelspec.compiler.infer import TypedGraph
from modelspec.views.picture import picture
from modelspec.views.summary import table as summary

from .formatting import number
from .record import Record
from .tables import best_of, counted_rows, facts_of, metric_rows

_WIDTH, _HEIGHT, _LEFT, _BELOW = 460, 210, 64, 28
"""Of a chart, and what of it is for the words of the axes."""
_COLOURS: Final = ("#2563eb", "#d97706")
"""Of the training, and of the validation."""
_LARGE: Final = 400
"""Layers past which the picture is left out: it would show nothing, and take seconds."""
_STYLE = """
:root {
  color-scheme: light;
  font: 15px/1.5 ui-sans-serif, system-ui, 'Helvetica Neue', Arial, sans-serif;
}
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #111827 }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #e5e7eb }
.state { color: #6b7280 } .completed { color: #15803d } .failed, .killed { color: #b91c1c }
table { border-collapse: collapse }
td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
th { font-weight: 600 }
pre { overflow-x: auto; background: #f9fafb; padding: .8rem; font-size: 13px; line-height: 1.35 }
figure { display: inline-block; margin: .5rem 1rem .5rem 0 } figcaption { font-weight: 600 }
svg text { font-size: 11px; fill: #6b7280 }
.picture { overflow: auto; max-height: 60rem; border: 1px solid #e5e7eb }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(record: Record, graph: TypedGraph | None, spec: str) -> str:
    """The report of a run; `spec` is its text, as it was written."""
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(record.name)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(record.name)}</h1>",
        f'<p class="state {_class(record.state)}">{escape(record.state)}</p>',
        *_metrics(record),
        *_history(record.history),
        "<h2>What happened</h2>",
        *_facts(record),
        *(_model(record.name, graph) if graph is not None else ()),
        "<h2>The spec</h2>",
        f"<pre>{escape(spec)}</pre>",
        *_versions(record),
        "</body></html>",
        "",
    ]
    return "\n".join(parts)


def run_html(
    title: str,
    history: Mapping[str, Sequence[float]],
    by_part: Mapping[str, Mapping[str, float]],
) -> str:
    """What a notebook shows of a run: a part of a page, whose styles are its own."""
    parts = [f"<p><code>{escape(title)}</code></p>"]
    if by_part:
        parts.append(_table(["", *by_part], metric_rows(by_part)))
    parts += _charts({name: values for name, values in history.items() if values})
    return f"<div>{''.join(parts)}</div>"


def _class(state: str) -> str:
    return (
        state if state in ("completed", "failed", "killed", "interrupted", "running") else "unknown"
    )


def _metrics(record: Record) -> Iterator[str]:
    if not record.by_part:
        return
    counted = counted_rows(record.mapping("counted", part) for part in record.by_part)
    yield "<h2>Metrics</h2>"
    yield _table(["", *record.by_part], [*metric_rows(record.by_part), *counted])


def _facts(record: Record) -> Iterator[str]:
    rows = [[title, value] for title, value in facts_of(record) if value and title != "versions"]
    yield "<table>"
    for title, value in rows:
        yield f"<tr><th>{escape(title)}</th><td>{escape(value)}</td></tr>"
    yield "</table>"


def _versions(record: Record) -> Iterator[str]:
    versions = {**record.mapping("versions"), **record.mapping("dependencies")}
    if versions:
        yield "<h2>Versions</h2>"
        yield (
            f"<p>{escape(', '.join(f'{name} {version}' for name, version in versions.items()))}</p>"
        )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(
        f'<th class="number">{escape(name)}</th>' if at else f"<th>{escape(name)}</th>"
        for at, name in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="number">{escape(cell)}</td>' if at else f"<td>{escape(cell)}</td>"
            for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _model(name: str, graph: TypedGraph) -> Iterator[str]:
    yield "<h2>The model</h2>"
    yield f"<pre>{escape(summary(name, graph, width=120))}</pre>"
    if graph.depth_first_calls <= _LARGE:
        image = b64encode(picture(name, graph, "svg")).decode()
        yield (
            '<div class="picture"><img alt="the layers of the model"'
            f' src="data:image/svg+xml;base64,{image}"></div>'
        )


# Curves -------------------------------------------------------------------------------------------


def _history(history: Mapping[str, Sequence[float]]) -> Iterator[str]:
    charts = list(_charts(history))
    if charts:
        yield "<h2>History</h2>"
        yield from charts


def _charts(history: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """A chart for each loss and metric, the one on the validation data in the same."""
    for name in history:
        if name.startswith("val_") and name[4:] in history:
            continue
        curves = {name: history[name]}
        if f"val_{name}" in history:
            curves[f"val_{name}"] = history[f"val_{name}"]
        yield _chart(name, curves)


def _chart(title: str, curves: Mapping[str, Sequence[float]]) -> str:
    low, high = _range(curves.values())
    count = max(len(values) for values in curves.values())
    coloured = list(zip(_COLOURS, curves.items(), strict=False))
    drawn = [
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        *_axes(low, high, count),
        *(
            part
            for colour, (_, values) in coloured
            for part in _line(values, count, low, high, colour)
        ),
        "</svg>",
    ]
    legend = [_legend(title, name, values, colour) for colour, (name, values) in coloured]
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>{''.join(drawn)}<br>"
        f"{'<br>'.join(legend)}</figure>"
    )


def _range(curves: Iterable[Sequence[float]]) -> tuple[float, float]:
    """The lowest and the highest number of a chart, which are never the same."""
    finite = [value for values in curves for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low == high:
        return low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    return low, high


def _axes(low: float, high: float, count: int) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BELOW - share * (_HEIGHT - _BELOW - 12)
        mark = number(low + share * (high - low))
        yield (
            f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>'
        )
    yield (
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">epoch 1</text>'
        f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 8}" text-anchor="end">{count}</text>'
    )


def _legend(title: str, name: str, values: Sequence[float], colour: str) -> str:
    best, at = best_of(name, values)
    told = f" (best {number(best)} in epoch {at + 1})" if title != "learning_rate" else ""
    square = f'<span style="color:{colour}">&#9632;</span>'
    return f"{square} {escape(name)} {number(values[-1])}{told}"


def _line(
    values: Sequence[float], count: int, low: float, high: float, colour: str
) -> Iterator[str]:
    """The stretches of a curve between numbers that are not finite; a stretch of one is a dot."""
    stretch: list[str] = []
    for at, value in enumerate([*values, math.nan]):
        if math.isfinite(value):
            x = _LEFT + (_WIDTH - 8 - _LEFT) * (at / (count - 1) if count > 1 else 0.5)
            y = _HEIGHT - _BELOW - (value - low) / (high - low) * (_HEIGHT - _BELOW - 12)
            stretch.append(f"{x:.1f},{y:.1f}")
        elif stretch:
            if len(stretch) == 1:
                x_text, y_text = stretch[0].split(",")
                yield f'<circle cx="{x_text}" cy="{y_text}" r="3" fill="{colour}"/>'
            else:
                yield (
                    f'<polyline fill="none" stroke="{colour}" stroke-width="1.8"'
                    f' points="{" ".join(stretch)}"/>'
                )
            stretch = []

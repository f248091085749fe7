"""Charts as HTML figures with inline SVG: no script, no font, nothing to load.

pygal places axes, ticks, lines, points and bars. Its output is changed in three ways. The script
with the settings of a chart is removed, because the pages forbid scripts. The style sheet is
replaced by `STYLE`, once per page, with colors that are readable on a light and on a dark
background. The descriptions of points, which only the script shows, become titles that a browser
shows. The legend is text of the page, so that long names wrap on a phone.

All text is escaped. pygal is imported when the first chart is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .chart_figure import COLORS, MOST_DOTS, STYLE, figure, library, settings
from .ticks import LARGEST, labels, nice_ticks, tick_text, whole_ticks
from .ticks import y_ticks as _y_ticks

__all__ = [
    "COLORS",
    "STYLE",
    "Mark",
    "grid",
    "histogram",
    "line_chart",
    "scatter",
    "series",
    "xy_chart",
]

_MARKED: Final = "ms-mark"


@dataclass(frozen=True)
class Mark:
    """A vertical line at a position of the x axis, and its meaning."""

    at: float
    text: str
    is_stop: bool = False
    """A run was interrupted there; drawn with less contrast."""
    is_border: bool = False
    """Between two stages of a training; marks of one kind share one text in the legend."""

    @property
    def style(self) -> str:
        """Its CSS classes."""
        kind = " ms-stop" if self.is_stop else " ms-border" if self.is_border else ""
        return _MARKED + kind


def line_chart(
    title: str,
    curves: Mapping[str, Sequence[float]],
    *,
    marks: Sequence[Mark] = (),
    log: bool | None = None,
    x_title: str = "epoch",
    notes: Mapping[str, str] | None = None,
) -> str:
    """Curves with an entry for each epoch from 1, with gaps for non-finite numbers.

    `log` is the scale of the numbers; None chooses a logarithmic one if they are positive and the
    largest is more than 100 times the smallest. `notes` follow names in the legend.
    """
    finite = [one for values in curves.values() for one in values if math.isfinite(one)]
    positive = bool(finite) and 1 / LARGEST < min(finite) <= max(finite) < LARGEST
    logarithmic = positive and (max(finite) > 100 * min(finite) if log is None else log)
    lines = {
        name: [(at + 1.0, _scaled(value, logarithmic)) for at, value in enumerate(values)]
        for name, values in curves.items()
    }
    count = max((len(values) for values in curves.values()), default=1)
    return _xy(
        title + (", log scale" if logarithmic else ""),
        lines,
        x_title=x_title,
        marks=marks,
        dots=count <= MOST_DOTS,
        notes=notes or {},
        x_ticks=whole_ticks(1, count),
        y_ticks=_y_ticks(finite, logarithmic),
        logarithmic=logarithmic,
    )


def xy_chart(
    title: str,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x_title: str,
    y_title: str,
    diagonal: bool = False,
    dots: bool = False,
    notes: Mapping[str, str] | None = None,
) -> str:
    """Lines through points between 0 and 1, such as a ROC curve."""
    unit = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    return _xy(
        title,
        lines,
        x_title=x_title,
        y_title=y_title,
        dots=dots,
        notes=notes or {},
        x_ticks=unit,
        y_ticks=unit,
        diagonal=(0.0, 1.0) if diagonal else None,
    )


def scatter(
    title: str,
    points: Sequence[tuple[float, float]],
    *,
    x_title: str,
    y_title: str,
    diagonal: bool = False,
) -> str:
    """Points; with `diagonal` both axes have the same scale, and equal numbers are on a line."""
    finite = [one for one in points if all(abs(at) <= LARGEST for at in one)]
    xs, ys = [x for x, _ in finite] or [0.0], [y for _, y in finite] or [0.0]
    if diagonal:
        xs = ys = [*xs, *ys]
    x_ticks, y_ticks = nice_ticks(min(xs), max(xs)), nice_ticks(min(ys), max(ys))
    return _xy(
        title,
        {"": finite},
        x_title=x_title,
        y_title=y_title,
        dots=True,
        stroke=False,
        notes={},
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        diagonal=(x_ticks[0], x_ticks[-1]) if diagonal else None,
    )


def histogram(
    title: str, edges: Sequence[float], counts: Sequence[float], *, x_title: str, y_title: str
) -> str:
    """A bar for each bin; `edges` has one more entry than `counts`."""
    chart = library().Histogram(**settings(x_title, y_title))
    chart.x_labels = labels(nice_ticks(edges[0], edges[-1]))
    chart.y_labels = labels(nice_ticks(0, max(counts, default=1) or 1, 5))
    bins = zip(counts, edges, edges[1:], strict=False)
    chart.add("", [(count, low, high) for count, low, high in bins])
    return figure(title, chart, {}, x_title, kind="ms-bars")


def grid(figures: Sequence[str]) -> str:
    """Charts side by side if there is room."""
    return f'<div class="ms-charts">{"".join(figures)}</div>' if figures else ""


def _xy(
    title: str,
    lines: Mapping[str, Sequence[tuple[float, float | None]]],
    *,
    x_title: str,
    dots: bool,
    notes: Mapping[str, str],
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    y_title: str | None = None,
    marks: Sequence[Mark] = (),
    diagonal: tuple[float, float] | None = None,
    stroke: bool = True,
    logarithmic: bool = False,
) -> str:
    chart = library().XY(**settings(x_title, y_title), stroke=stroke, show_dots=dots)
    chart.dots_size = 2.2
    chart.x_labels, chart.y_labels = labels(x_ticks), labels(y_ticks, logarithmic)
    # pygal's own ticks between two almost equal numbers loop forever.
    chart.xrange, chart.range = (x_ticks[0], x_ticks[-1]), (y_ticks[0], y_ticks[-1])
    chart.x_value_formatter = tick_text
    chart.value_formatter = lambda one: f"{10**one if logarithmic else one:.4g}"
    classes = {}
    for at, (name, points) in enumerate(lines.items()):
        chart.add(name, list(points), allow_interruptions=True)
        classes[at] = f"c{at % len(COLORS)}" + ("" if stroke else " points")
    low, high = y_ticks[0], y_ticks[-1]
    for mark in marks:
        classes[len(classes)] = mark.style
        chart.add(mark.text, [(mark.at, low), (mark.at, high)], show_dots=False)
    if diagonal is not None:
        classes[len(classes)] = "ms-diagonal"
        ends = [(one, one) for one in diagonal]
        chart.add("", ends, show_dots=False, stroke=True)
    keys = {
        classes[at]: " ".join(filter(None, (name, notes.get(name, ""))))
        for at, name in enumerate(lines)
        if name
    }
    for mark in marks:
        keys[mark.style] = mark.text
    return figure(title, chart, classes, y_title or x_title, keys)


def _scaled(value: float, logarithmic: bool) -> float | None:
    if not math.isfinite(value):
        return None
    return math.log10(value) if logarithmic else max(-LARGEST, min(value, LARGEST))


def is_constant(values: Sequence[float]) -> bool:
    """Whether a curve is constant, so that a chart would show nothing."""
    return len(values) > 1 and all(one == values[0] for one in values)


def series(
    history: Mapping[str, Sequence[float]],
) -> Iterator[tuple[str, dict[str, Sequence[float]]]]:
    """A title and its curves for each loss and metric that varies, together with its validation
    curve. A single epoch is not a curve.
    """
    for name, values in history.items():
        if name.startswith("val_") and name[4:] in history:
            continue
        curves = {name: values}
        if f"val_{name}" in history:
            curves[f"val_{name}"] = history[f"val_{name}"]
        if max(map(len, curves.values())) > 1 and not all(map(is_constant, curves.values())):
            yield name, curves

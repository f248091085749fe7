"""The charts of the report of a sweep, in the style of those of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelspec.compiler.spec.sweep_section import Objective, Parameter
from modelspec.runtime.history.chart_figure import COLORS, cut, figure, library, settings
from modelspec.runtime.history.ticks import LARGEST, labels, nice_ticks, tick_text, whole_ticks

from .trials import Trial, is_better, ranked

Point = tuple[float, float]
_LONGEST: Final = 14
"""The most characters of a label below an axis."""
_MOST_LINES: Final = 200
"""The most trials of the parallel coordinates."""
_THIRDS: Final = ("best third", "middle third", "last third")


@dataclass(frozen=True)
class Axis:
    """Positions of values on an axis, with labels at some of them."""

    title: str
    ticks: tuple[tuple[float, str], ...]

    @property
    def range(self) -> tuple[float, float]:
        """Its two ends."""
        return self.ticks[0][0], self.ticks[-1][0]


def number_axis(title: str, values: Sequence[float]) -> Axis:
    """A linear axis that encloses some numbers."""
    known = [one for one in values if math.isfinite(one) and abs(one) <= LARGEST] or [0.0]
    ticks = nice_ticks(min(known), max(known))
    found = zip(ticks, labels(ticks), strict=True)
    return Axis(title, tuple((at, str(one["label"])) for at, one in found))


def count_axis(title: str, last: int) -> Axis:
    """An axis of integers from 0."""
    return Axis(title, tuple((at, tick_text(at)) for at in whole_ticks(0, max(last, 1))))


class Scale:
    """The positions of the values of a parameter."""

    def __init__(self, parameter: Parameter, name: str) -> None:
        self.parameter, self.name = parameter, name
        self._is_log = parameter.log or parameter.kind == "log_uniform"
        self._texts = [_text(one) for one in parameter.values]

    def at(self, value: Any) -> float | None:
        """The position of a value; None if it is not of the space."""
        if self.parameter.kind == "values":
            text = _text(value)
            # From 1: the axis of a chart would be drawn through the first value.
            return 1.0 + self._texts.index(text) if text in self._texts else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if not self._is_log:
            return float(value)
        return math.log10(value) if value > 0 else None

    @property
    def ends(self) -> tuple[float, float]:
        """The positions of the smallest and the largest value."""
        if self.parameter.kind == "values":
            return 1.0, max(float(len(self._texts)), 2.0)
        low, high = self.parameter.low, self.parameter.high
        return (math.log10(low), math.log10(high)) if self._is_log else (float(low), float(high))

    @property
    def axis(self) -> Axis:
        """The axis of a chart."""
        if self.parameter.kind == "values":
            found = [(1.0 + at, cut(one, _LONGEST)) for at, one in enumerate(self._texts)]
            room = [(0.5, ""), *found, (len(found) + 0.5, "")]
            return Axis(self.name, tuple(room))
        low, high = self.ends
        if self.parameter.kind == "integers" and not self._is_log:
            ticks = whole_ticks(int(low), int(high))
            return Axis(self.name, tuple((at, tick_text(at)) for at in ticks))
        if not self._is_log:
            return number_axis(self.name, [low, high])
        first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        step = max(1, -(-(last - first) // 6))
        powers = [*range(first, last, step), last]
        return Axis(self.name, tuple((float(at), tick_text(10.0**at)) for at in powers))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _drawn(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float | None] | Point]],
    x: Axis,
    y: Axis,
    *,
    lines: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
) -> str:
    """Points, and lines for the series that are named in `lines`."""
    chart = library().XY(**settings(x.title, y.title), stroke=False, show_dots=True)
    chart.dots_size = 3.2
    chart.x_labels = [{"value": at, "label": text} for at, text in x.ticks]
    chart.y_labels = [{"value": at, "label": text} for at, text in y.ticks]
    chart.xrange, chart.range = x.range, y.range
    chart.x_value_formatter = tick_text
    chart.value_formatter = lambda one: f"{one:.4g}"
    found: dict[int, str] = {}
    keys: dict[str, str] = {}
    for at, (name, points) in enumerate(series.items()):
        is_line = name in lines
        chart.add(name, list(points), stroke=is_line, show_dots=not is_line)
        own = (classes or {}).get(name, f"c{at % len(COLORS)}")
        found[at] = own if is_line else f"{own} points"
        if len(series) > 1:
            keys[own] = name
    return figure(title, chart, found, f"{x.title}, {y.title}", keys)


def _known(values: Sequence[float]) -> list[float]:
    return [one for one in values if math.isfinite(one) and abs(one) <= LARGEST]


def history(trials: Sequence[Trial], objective: Objective, index: int = 0) -> str:
    """An objective of each trial, and the best one so far; of pruned trials that of their last
    epoch.
    """
    found = [(float(one.number), one.objectives[index]) for one in trials if _has(one, index)]
    if not found:
        return ""
    best: list[Point] = []
    so_far = found[0][1]
    for at, value in found:
        so_far = value if is_better(value, so_far, objective) else so_far
        best += ([(at, best[-1][1])] if best else []) + [(at, so_far)]
    best.append((float(trials[-1].number), so_far))
    pruned = [(float(one.number), one.curve[-1]) for one in trials if _was_pruned(one, index)]
    y = number_axis(objective.key, [value for _, value in (*found, *pruned)])
    x = count_axis("trial", trials[-1].number)
    series: dict[str, Sequence[tuple[float, float | None]]] = {"best so far": best}
    series |= {"completed": found} | ({"pruned": pruned} if pruned else {})
    classes = {"best so far": "c1", "completed": "c0", "pruned": "c7"}
    title = f"{objective.key} by trial"
    return _drawn(title, series, x, y, lines=("best so far",), classes=classes)


def _has(one: Trial, index: int) -> bool:
    is_done = one.state == "completed" and len(one.objectives) > index
    return is_done and bool(_known([one.objectives[index]]))


def _was_pruned(one: Trial, index: int = 0) -> bool:
    return one.state == "pruned" and index == 0 and bool(_known(one.curve[-1:]))


def slices(trials: Sequence[Trial], objective: Objective, scales: Sequence[Scale]) -> list[str]:
    """For each parameter its values and the objective; of pruned trials that of their last
    epoch.
    """
    drawn = []
    done = {
        "completed": [(one, one.objectives[0]) for one in trials if _has(one, 0)],
        "pruned": [(one, one.curve[-1]) for one in trials if _was_pruned(one)],
    }
    y = number_axis(objective.key, [value for each in done.values() for _, value in each])
    for scale in scales:
        path = scale.parameter.path
        series = {
            name: [
                (at, value)
                for one, value in each
                if path in one.values and (at := scale.at(one.values[path])) is not None
            ]
            for name, each in done.items()
        }
        kept = {name: points for name, points in series.items() if points}
        if kept:
            classes = {"completed": "c0", "pruned": "c7"}
            drawn.append(_drawn(scale.name, kept, scale.axis, y, classes=classes))
    return drawn


def front(trials: Sequence[Trial], objectives: Sequence[Objective], best: Sequence[Trial]) -> str:
    """Two objectives against each other, with the Pareto front as a line."""
    done = [one for one in trials if _has(one, 0) and _has(one, 1)]
    if not done:
        return ""
    first, second = objectives
    others = [(one.objectives[0], one.objectives[1]) for one in done if one not in best]
    line = sorted((one.objectives[0], one.objectives[1]) for one in best if one in done)
    x = number_axis(first.key, [one.objectives[0] for one in done])
    y = number_axis(second.key, [one.objectives[1] for one in done])
    series: dict[str, Sequence[tuple[float, float | None]]] = {"on the front": line}
    series |= {"other trials": others} if others else {}
    classes = {"on the front": "c1", "other trials": "c0"}
    return _drawn(f"{second.key} against {first.key}", series, x, y, classes=classes)


def parallel(
    trials: Sequence[Trial], objectives: Sequence[Objective], scales: Sequence[Scale]
) -> str:
    """Parallel coordinates: a line for each trial through its values and its first objective, each
    scaled to its range; in three colors, by rank.
    """
    order = [one for one in ranked(trials, objectives) if _has(one, 0)][:_MOST_LINES]
    if len(order) < 2 or not scales:
        return ""
    values = [one.objectives[0] for one in order]
    low, high = min(values), max(values)
    series: dict[str, list[tuple[float, float | None]]] = {one: [] for one in _THIRDS}
    last = float(len(scales))
    for rank, one in reversed(list(enumerate(order))):
        points: list[tuple[float, float | None]] = []
        for at, scale in enumerate(scales):
            place = scale.at(one.values[scale.parameter.path]) if _sets(one, scale) else None
            first, end = scale.ends
            share = None if place is None else (place - first) / ((end - first) or 1.0)
            points.append((float(at), share))
        points.append((last, (one.objectives[0] - low) / ((high - low) or 1.0)))
        group = series[_THIRDS[min(rank * 3 // len(order), 2)]]
        group += [*points, (last, None)]
    names = [*(scale.name for scale in scales), objectives[0].key]
    ticks = tuple((float(at), cut(name, _LONGEST)) for at, name in enumerate(names))
    y = Axis("", ((0.0, "low"), (0.5, ""), (1.0, "high")))
    shown = {name: points for name, points in series.items() if points}
    classes = {"best third": "c2", "middle third": "c0", "last third": "c7"}
    return _parallel_figure(shown, Axis("", ticks), y, classes)


def _sets(one: Trial, scale: Scale) -> bool:
    return scale.parameter.path in one.values


def _parallel_figure(
    series: Mapping[str, Sequence[tuple[float, float | None]]],
    x: Axis,
    y: Axis,
    classes: Mapping[str, str],
) -> str:
    """Lines that are interrupted where a trial does not set a parameter, and between two trials."""
    chart = library().XY(**settings("", None), stroke=True, show_dots=False)
    chart.x_labels = [{"value": at, "label": text} for at, text in x.ticks]
    chart.y_labels = [{"value": at, "label": text} for at, text in y.ticks]
    chart.xrange, chart.range = x.range, y.range
    order = [name for name in reversed(_THIRDS) if name in series]  # the best ones are on top
    found, keys = {}, {}
    for at, name in enumerate(order):
        chart.add(name, list(series[name]), allow_interruptions=True)
        found[at] = classes[name]
    for name in _THIRDS:
        if name in series:
            keys[classes[name]] = name
    return figure("Parameters and objective", chart, found, "parallel coordinates", keys)

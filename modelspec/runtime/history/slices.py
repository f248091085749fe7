"""Metrics of slices: their names in a run's files, and the gap of each slice to its part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelspec.compiler.spec.slice_names import MARK
from modelspec.core.text_table import text_table
from modelspec.core.visible import visible

from .formatting import number

PREFIXES: Final = {"test": "test_", "validation": "val_"}
"""The prefix of a part's metrics in a list with several parts."""
PARTS: Final = (*PREFIXES, "train")
"""The parts of the data that a file of metrics may have, among other keys."""
_SHOWN: Final = 3
"""The most metrics of a table, besides the one by which it is sorted."""
_ROUNDING: Final = 1e-6
"""Differences that may result from another order of summation."""
_LONGEST: Final = 48
"""The most characters of a slice name in a table."""
SmallerIsBetter = Callable[[str], bool | None]
"""By metric name, whether a smaller value is better; None if neither direction is better."""


@dataclass(frozen=True)
class SliceResult:
    """The results of a model on one slice of a part."""

    label: str
    """`island=Dream`."""
    examples: int
    metrics: Mapping[str, float]
    few: bool = False
    """Whether it has fewer examples than its entry's `min_examples`."""


def prefix_of(part: str) -> str:
    """The prefix of a part's metrics."""
    return PREFIXES.get(part, f"{part}_")


def flat_metrics(by_part: Mapping[str, Sequence[SliceResult]]) -> dict[str, float]:
    """Every number by its flat name: `test_accuracy@island=Dream`."""
    return {
        f"{prefix_of(part)}{name}{MARK}{one.label}": value
        for part, found in by_part.items()
        for one in found
        for name, value in one.metrics.items()
    }


def flat_examples(by_part: Mapping[str, Sequence[SliceResult]]) -> dict[str, int]:
    """The number of examples in each slice: `test@island=Dream`, `val@island=Dream`."""
    return {name: one.examples for name, one in _named(by_part)}


def flat_few(by_part: Mapping[str, Sequence[SliceResult]]) -> list[str]:
    """The names, as in `flat_examples`, of the slices that have few examples."""
    return [name for name, one in _named(by_part) if one.few]


def as_results(by_part: Mapping[str, Sequence[SliceResult]]) -> dict[str, Any]:
    """The entry about slices in the metrics file of a run; empty without slices."""
    if not any(by_part.values()):
        return {}
    few = flat_few(by_part)
    return {
        "slices": flat_metrics(by_part),
        "slice_examples": flat_examples(by_part),
        **({"few_slices": few} if few else {}),
    }


def _named(
    by_part: Mapping[str, Sequence[SliceResult]],
) -> Iterator[tuple[str, SliceResult]]:
    for part, found in by_part.items():
        for one in found:
            yield f"{prefix_of(part).removesuffix('_')}{MARK}{one.label}", one


def by_part_of(
    slices: Mapping[str, float], examples: Mapping[str, int], few: Iterable[str] = ()
) -> dict[str, tuple[SliceResult, ...]]:
    """The slices of each part, from metrics.json, in its order."""
    marked = frozenset(few)
    parts = {prefix_of(part).removesuffix("_"): part for part in PARTS}
    by_label: dict[str, dict[str, float]] = {}
    for key, value in slices.items():
        name, _, label = key.partition(MARK)
        by_label.setdefault(label, {})[name] = value
    found: dict[str, list[SliceResult]] = {}
    for name, count in examples.items():
        short, _, label = name.partition(MARK)
        part = parts.get(short, short)
        before = prefix_of(part)
        metrics = {
            key.removeprefix(before): value
            for key, value in by_label.get(label, {}).items()
            if key.startswith(before)
        }
        found.setdefault(part, []).append(SliceResult(label, count, metrics, name in marked))
    return {part: tuple(one) for part, one in found.items()}


# Gaps ---------------------------------------------------------------------------------------------


def ranking_metric(whole: Mapping[str, float], is_small: SmallerIsBetter) -> str | None:
    """The metric by which slices are sorted: the first one other than a loss with a known
    direction, otherwise the loss; None without any.
    """
    known = [name for name in whole if is_small(name) is not None]
    others = (name for name in known if name != "loss" and not name.endswith("_loss"))
    return next(others, known[0] if known else None)


def behind(metric: str, whole: float, value: float, is_small: SmallerIsBetter) -> float:
    """How much worse a slice is than the whole part: negative if it is better, NaN if one of the
    two is NaN.
    """
    return value - whole if is_small(metric) else whole - value


def worst_first(
    found: Sequence[SliceResult], whole: Mapping[str, float], is_small: SmallerIsBetter
) -> list[SliceResult]:
    """Slices by their gap to the whole part; those with few examples come last, and among equal
    ones the larger first.
    """
    metric = ranking_metric(whole, is_small)

    def place(one: SliceResult) -> tuple[bool, bool, float, int]:
        value = math.nan if metric is None else one.metrics.get(metric, math.nan)
        gap = math.nan if metric is None else behind(metric, whole[metric], value, is_small)
        return one.few, math.isnan(gap), 0.0 if math.isnan(gap) else -gap, -one.examples

    return sorted(found, key=place)


def slices_table(
    part: str, ranked: Sequence[SliceResult], whole: Mapping[str, float], metric: str | None
) -> str:
    """A row for each slice, in the order of `worst_first`, with the difference of `metric` from the
    whole part.
    """
    others = [name for name in whole if name != metric][:_SHOWN]
    header = [f"slices of {part}", "examples", *([metric, "difference"] if metric else []), *others]
    marks = any(one.few for one in ranked)
    rows = []
    for one in ranked:
        row = [shortened(one.label), f"{one.examples:,}"]
        if metric is not None:
            row += [_number(one.metrics.get(metric)), difference(one, whole, metric)]
        row += [_number(one.metrics.get(name)) for name in others]
        rows.append([*row, "few examples" * one.few] if marks else row)
    return text_table([*header, ""] if marks else header, rows, left=(0, *[len(header)] * marks))


def difference(one: SliceResult, whole: Mapping[str, float], metric: str) -> str:
    """A slice's value minus that of the whole part, with its sign."""
    gap = one.metrics.get(metric, math.nan) - whole[metric]
    if not math.isfinite(gap):
        return ""
    if abs(gap) <= _ROUNDING:
        return number(0.0)
    return f"{'-' if gap < 0 else '+'}{number(abs(gap))}"


def worst_lines(
    part: str,
    found: Sequence[SliceResult],
    whole: Mapping[str, float],
    is_small: SmallerIsBetter,
    most: int = 3,
) -> list[str]:
    """A line for each of the few slices furthest behind, with small slices marked."""
    metric = ranking_metric(whole, is_small)
    if metric is None:
        return []
    lines = []
    for one in worst_first(found, whole, is_small):
        value = one.metrics.get(metric, math.nan)
        if one.few or not behind(metric, whole[metric], value, is_small) > _ROUNDING:
            continue
        count = f"{one.examples:,} example{'s' if one.examples > 1 else ''}"
        lines.append(
            f"{part} {metric} on {shortened(one.label)}: {number(value)}"
            f" ({difference(one, whole, metric)}, {count})"
        )
    return lines[:most]


def slices_json(ranked: Iterable[SliceResult], whole: Mapping[str, float]) -> list[dict[str, Any]]:
    """Slices as plain values. `difference` is a slice's value minus that of the whole part."""
    return [
        {
            "slice": one.label,
            "examples": one.examples,
            "few": one.few,
            "metrics": dict(one.metrics),
            "difference": {
                name: value - whole[name] for name, value in one.metrics.items() if name in whole
            },
        }
        for one in ranked
    ]


def shortened(label: str) -> str:
    """The name of a slice on one line of a terminal."""
    text = visible(label)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _number(value: float | None) -> str:
    return "" if value is None else number(value)

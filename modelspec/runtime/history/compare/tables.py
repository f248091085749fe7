"""A comparison as tables of cells, independent of their format."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from modelspec.views.diff.values import ABSENT, Differing
from modelspec.views.resolve.dump import scalar

from ..ending import Ending, reason
from ..expectation_table import rows
from ..formatting import duration, number, sparkline
from ..record import Record
from .comparison import Comparison, Curve, Measure

MISSING: Final = "-"
UNKNOWN: Final = "?"
BEST: Final = "*"
_SEEN: Final = 5e-5
"""The smallest difference that is visible in four decimal places."""
_CURVE: Final = 24
"""The most characters of a curve."""


class Cell(NamedTuple):
    """A text, followed by the difference of its number from that of the first run."""

    text: str
    difference: str = ""
    is_best: bool = False
    kind: str = ""
    """The state of an expectation: `met`, `unmet` or `unsure`."""


@dataclass(frozen=True)
class Table:
    """Rows of cells with column names; the first column names the rows."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    by_run: bool = True
    """Whether every column after the first is a run."""
    of_numbers: bool = False
    remark: str = ""
    about: str = ""
    """After the title: the subject of the table, if there are several."""


def tables(found: Comparison) -> Iterator[Table]:
    """All tables but the curves; empty ones are left out."""
    every = (
        _runs(found),
        _settings(found),
        _differing("Data, versions and machine that differ", found, found.circumstances),
        _measures("Metrics", found, found.metrics),
        _slices(found),
        _expectations(found),
    )
    yield from (one for one in every if one.rows or one.remark)


def _runs(found: Comparison) -> Table:
    titles = (
        "run",
        "spec",
        "state",
        "epochs",
        "training",
        "parameters",
        "weights",
        "folder",
        "why",
    )
    facts = [
        (label, *_facts(record)) for label, record in zip(found.labels, found.records, strict=True)
    ]
    used = [at for at in range(len(titles)) if any(row[at] for row in facts)]
    return Table(
        "Runs",
        tuple(titles[at] for at in used),
        tuple(tuple(Cell(row[at] or MISSING) for at in used) for row in facts),
        by_run=False,
    )


def _facts(record: Record) -> tuple[str, ...]:
    ending, seconds = Ending.of(record), record.number("seconds")
    planned = record.number("training", "epochs")
    parameters = record.number("parameters")
    of = f" of {planned:,.0f}" if planned is not None and planned != record.epochs else ""
    return (
        record.name,
        record.state,
        f"{record.epochs}{of}",
        duration(seconds) if seconds is not None and seconds >= 0 else "",
        f"{parameters:,.0f}" if parameters is not None else "",
        f"of epoch {ending.weights_of_epoch}" if ending is not None and ending.weights else "",
        str(record.path),
        reason(record),
    )


def _settings(found: Comparison) -> Table:
    remark = "" if found.settings else "All settings are the same."
    if found.unknown:
        names = ", ".join(found.labels[at] for at in sorted(found.unknown))
        remark = f"The settings of {names} cannot be read."
    table = _differing("Settings that differ", found, found.settings, found.unknown)
    return replace(table, remark=remark)


def _differing(
    title: str,
    found: Comparison,
    places: Sequence[Differing],
    unknown: frozenset[int] = frozenset(),
) -> Table:
    rows = tuple(
        (
            Cell(one.path),
            *(
                Cell(UNKNOWN if at in unknown else value_text(value))
                for at, value in enumerate(one.values)
            ),
        )
        for one in places
    )
    return Table(title, ("", *found.labels), rows)


def value_text(value: Any) -> str:
    """A value of a spec on one line; a name with its settings without the braces around it."""
    if value is ABSENT:
        return MISSING
    if isinstance(value, str):
        return value
    text = scalar(value)
    return text[1:-1] if isinstance(value, Mapping) and len(value) == 1 else text


def _measures(title: str, found: Comparison, measures: Sequence[Measure]) -> Table:
    rows = tuple((Cell(one.name), *_cells(one)) for one in measures)
    return Table(title, ("", *found.labels), rows, of_numbers=True)


def _cells(measure: Measure) -> Iterator[Cell]:
    best = measure.best
    for at, (value, apart) in enumerate(zip(measure.values, measure.differences, strict=True)):
        if value is None:
            yield Cell(MISSING)
            continue
        yield Cell(number(value), _signed(apart) if at and apart else "", at in best)


def _signed(apart: float) -> str:
    if not math.isfinite(apart):
        return ""
    size = abs(apart)
    return f"{'-' if apart < 0 else '+'}{f'{size:.4f}' if _SEEN <= size < 1 else number(size)}"


def _slices(found: Comparison) -> Table:
    table = _measures("Slices", found, found.slices)
    few = [one.name for one in found.slices if found.has_few(one.name)]
    marked = (
        (Cell(f"{name.text} (few examples)"), *cells) if name.text in few else (name, *cells)
        for name, *cells in table.rows
    )
    return replace(table, rows=tuple(marked))


def _expectations(found: Comparison) -> Table:
    """The key is followed by the expectation, if all runs expect the same."""
    by_run = [
        {key: (wanted, measured, verdict) for key, wanted, measured, _, verdict in rows(each)}
        for each in (record.expectations for record in found.records)
    ]
    lines = []
    for key in found.expectations:
        wanted = {one[key][0] for one in by_run if key in one}
        name = f"{key} {wanted.copy().pop()}" if len(wanted) == 1 else key
        cells = (_decided(one.get(key), several=len(wanted) > 1) for one in by_run)
        lines.append((Cell(name), *cells))
    return Table("Expectations", ("", *found.labels), tuple(lines))


def _decided(one: tuple[str, str, str] | None, *, several: bool) -> Cell:
    if one is None:
        return Cell(MISSING)
    wanted, measured, verdict = one
    words = (measured, f"({wanted})" if several else "", verdict)
    kind = "met" if verdict == "met" else "unmet" if verdict.startswith("not met") else "unsure"
    return Cell(" ".join(filter(None, words)), kind=kind)


# Confusion matrices -------------------------------------------------------------------------------


def matrix_tables(found: Comparison, most: int) -> Iterator[Table]:
    """A table for each run of each output, with at most so many classes."""
    for (output, part), each in found.confusions.items():
        for label, one in zip(found.labels, each, strict=True):
            if one is not None and len(one.labels) <= most:
                header = ("true \\ predicted", *one.labels)
                lines = tuple(
                    (Cell(name), *(Cell(f"{count:,}") for count in counts))
                    for name, counts in zip(one.labels, one.counts, strict=True)
                )
                about = f"{output}, {part}, {label}"
                yield Table("Confusion matrix", header, lines, of_numbers=True, about=about)
    remark = no_matrices(found)
    if remark:
        yield Table("Confusion matrices", (), (), remark=remark)


def no_matrices(found: Comparison) -> str:
    """Which runs have no matrix, if others have one."""
    every = list(found.confusions.values())
    without = [label for at, label in enumerate(found.labels) if not any(one[at] for one in every)]
    return f"The reports of {', '.join(without)} contain none." if every and without else ""


# Curves -------------------------------------------------------------------------------------------


def curve_table(found: Comparison) -> Table:
    """A row for each run of each curve; the lines of a curve have the same scale."""
    header = ("", "run", "last", "best", "in epoch", "curve")
    rows = tuple(row for curve in found.curves for row in _curve_rows(curve, found.labels))
    return Table("Curves", header, rows, by_run=False)


def _curve_rows(curve: Curve, labels: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    longest = max(map(len, curve.runs))
    name = curve.name
    for at, (label, values) in enumerate(zip(labels, curve.runs, strict=True)):
        if not values:
            continue
        epoch = curve.best_epoch(at)
        best = (number(values[epoch - 1]), str(epoch)) if epoch is not None else (MISSING, MISSING)
        line = sparkline(values, max(1, round(_CURVE * len(values) / longest)), curve.span)
        yield tuple(map(Cell, (name, label, number(values[-1]), *best, line)))
        name = ""

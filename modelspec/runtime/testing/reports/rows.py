"""The rows of outcome tables, for all formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...history.decide import Decision
from ...history.expectation_table import HEADER as OF_EXPECTATIONS
from ...history.expectation_table import rows
from ...history.formatting import duration
from ..outcome import Outcome

HEADER = ("spec", "result", "run", "time")
EXPECTED = ("spec", *OF_EXPECTATIONS)


def outcome_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row for each spec."""
    return [
        (
            one.file,
            one.words,
            str(one.run) if one.run is not None else "-",
            duration(one.seconds) if one.run is not None and not one.reused else "-",
        )
        for one in outcomes
    ]


def decision_rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    """A row for each expectation of a run, unmet ones first."""
    every = [(one, decision) for one in outcomes for decision in one.decisions]
    order = {False: 0, None: 1, True: 2}
    for one, decision in sorted(every, key=lambda pair: order[pair[1].holds]):
        yield (one.file, *row_of(decision))


def row_of(decision: Decision) -> tuple[str, ...]:
    """Key, expectation, measured value, margin, and verdict."""
    return next(rows({decision.key: decision.as_json()}))

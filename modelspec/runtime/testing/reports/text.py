"""Outcomes as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelspec.core.text_table import text_table

from ..outcome import Outcome, summary
from .rows import EXPECTED, HEADER, decision_rows, outcome_rows

_LINES = 12
"""The last lines of the output of a failed process."""


def render(outcomes: Sequence[Outcome], *, explain: bool = False) -> str:
    """A table of the specs, one of their measured expectations, why some failed, and the
    summary.
    """
    return "\n\n".join(_parts(outcomes, explain)) + "\n"


def _parts(outcomes: Sequence[Outcome], explain: bool) -> Iterator[str]:
    yield text_table(HEADER, outcome_rows(outcomes), left=range(len(HEADER) - 1))
    if rows := list(decision_rows(outcomes)):
        yield text_table(EXPECTED, rows, left=(0, 1, 2, 5))
    for one in outcomes:
        if not one.explains_itself:
            yield f"{one.file}: {one.fault}\n{_tail(one.output)}".rstrip()
    if explain:
        yield "\n".join(f"{one.file}: {one.explanation}" for one in outcomes if one.explanation)
    yield summary(outcomes)


def _tail(output: str) -> str:
    lines = output.rstrip().splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LINES:])

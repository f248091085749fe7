"""Outcomes as Markdown: the summary of a job, or a comment in a review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelspec.core.visible import visible

from ..outcome import Outcome, summary
from .rows import EXPECTED, HEADER, decision_rows, outcome_rows

_MARKS = {
    "errors": "❌",
    "failed": "❌",
    "unmet": "❌",
    "interrupted": "⚠️",
    "left out": "⚠️",
    "passed": "✅",
    "checked": "✅",
}
_LINES = 40
"""The last lines of the output of a failed process."""


def render(outcomes: Sequence[Outcome], *, explain: bool = False) -> str:
    """The summary, a table of the specs, one of their measured expectations, faults and reasons."""
    return "\n\n".join(_parts(outcomes, explain)) + "\n"


def _parts(outcomes: Sequence[Outcome], explain: bool) -> Iterator[str]:
    yield "### modelspec test"
    yield summary(outcomes)
    rows = [
        (row[0], f"{_MARKS[one.state]} {row[1]}", *row[2:])
        for one, row in zip(outcomes, outcome_rows(outcomes), strict=True)
    ]
    yield _table(HEADER, rows)
    if decided := list(decision_rows(outcomes)):
        yield _table(EXPECTED, decided)
    for one in outcomes:
        if faults := [str(found) for found in one.diagnostics if found.severity != "note"]:
            yield _details(f"{one.file}: faults", "\n".join(faults))
        if not one.explains_itself:
            yield _details(f"{one.file}: output", "\n".join(one.output.splitlines()[-_LINES:]))
    if explain:
        why = [(one.file, one.explanation) for one in outcomes if one.explanation]
        yield _table(("spec", "why"), why)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Text of a cell: characters with a meaning in Markdown or HTML are escaped."""
    text = " ".join(visible(text).split())
    for mark, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, safe)
    for mark in "\\|*_`[]#~":
        text = text.replace(mark, f"\\{mark}")
    return "---" if text == "\\-\\-\\-" else text


def _details(title: str, text: str) -> str:
    """Collapsible text, unchanged; its fence is longer than any in it."""
    fence = "`" * max(3, 1 + max((len(one) for one in _runs(text)), default=0))
    return f"<details><summary>{_html(title)}</summary>\n\n{fence}\n{text}\n{fence}\n\n</details>"


def _runs(text: str) -> Iterator[str]:
    """The runs of backticks in a text."""
    run = ""
    for char in f"{text} ":
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""


def _html(text: str) -> str:
    from html import escape

    return escape(visible(text))

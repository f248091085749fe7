"""The edits that fix the diagnostics of a text."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.diagnostics.derived import origin_of
from modelspec.views.fix import fix_text

from .analysis import Analysis

_LONG = 40


class Replacement(NamedTuple):
    """The text between two offsets is replaced."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """One way to fix a diagnostic."""

    title: str
    edits: tuple[Replacement, ...]
    diagnostic: Diagnostic
    certain: bool
    """Whether the text keeps its meaning."""


def fixes(analysis: Analysis, start: int, end: int) -> list[Fix]:
    """The fixes of the diagnostics between two offsets."""
    return [
        fix
        for one in analysis.diagnostics
        if one.span is not None
        and analysis.is_here(one.span)
        and one.span.start <= end
        and one.span.end >= start
        for fix in _of(analysis, one)
    ]


def _of(analysis: Analysis, one: Diagnostic) -> Iterator[Fix]:
    if one.edits and all(analysis.is_here(edit.span) for edit in one.edits):
        places = ((origin_of(edit.span), edit.text) for edit in one.edits)
        edits = dict.fromkeys(Replacement(at.start, at.end, text) for at, text in places)
        yield Fix(one.help or "Write the present spelling", tuple(edits), one, True)
    elif one.suggestion is not None and one.span is not None:
        span = origin_of(one.span)
        edit = Replacement(span.start, span.end, one.suggestion)
        title = f"Replace `{_short(span.text)}` with `{_short(one.suggestion)}`"
        yield Fix(title, (edit,), one, False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONG else f"{line[:_LONG]}..."


def has_old_spellings(analysis: Analysis) -> bool:
    """Whether `fix_all` may change the text."""
    return any(one.edits for one in analysis.diagnostics)


def fix_all(analysis: Analysis) -> list[Replacement]:
    """The edits of `modelspec check --fix`; none if there is nothing to fix, or if the model would
    change.
    """
    if not has_old_spellings(analysis):
        return []
    return differences(analysis.text, fix_text(analysis.text, analysis.name).after)


def differences(before: str, after: str) -> list[Replacement]:
    """The lines that differ between two texts."""
    old, new = before.splitlines(True), after.splitlines(True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return [
        Replacement(starts[first], starts[last], "".join(new[start:end]))
        for tag, first, last, start, end in SequenceMatcher(
            None, old, new, autojunk=False
        ).get_opcodes()
        if tag != "equal"
    ]

"""The expectations of a spec against the numbers of a run, or of a baseline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.expect_section import STATIC, Expectation
from modelspec.core.diagnostics import Diagnostic, Span

from ..history import Record
from ..history.baseline import Baseline
from ..history.decide import Decision, Results, decide, number_of, results_of, static_numbers
from ..history.expectation_table import rows
from ..history.run_files import RESOLVED
from .outcome import FAILED
from .specs import Spec

_CODE: Final = re.compile(r"\b(MS[0-9]{3})\b\]?:? *")
_PRINTED: Final = re.compile(
    r"^error\[(MS[0-9]{3})\]: (.*)\n(?: *--> (.+):([0-9]{1,9}):([0-9]{1,9})$)?", re.MULTILINE
)
"""A fault as printed by a command, and its place."""


def of_record(record: Record, compiled: Compiled) -> Results:
    """The numbers of a run. Sizes of the model that depend on the data are those of the spec as it
    was run.
    """
    found = results_of(record, compiled)
    if all(name in found.metrics for name in STATIC):
        return found
    context = compiled.file.context
    places = replace(context.places, when_opened=True)
    read = compile_spec(record.path / RESOLVED, context=replace(context, places=places))
    more = static_numbers(read.value) if read.value is not None else {}
    return replace(found, metrics={**found.metrics, **more})


def of_baseline(baseline: Baseline) -> Results:
    """The numbers of the accepted run."""
    return Results(baseline.numbers, baseline.curves, baseline.few)


def curve_of(expectation: Expectation) -> str | None:
    """The name of the curve for an expectation; None for an expectation of the saved model."""
    if expectation.over is None:
        return None
    return f"{'val_' if expectation.part == 'validation' else ''}{expectation.metric}"


def has_all(compiled: Compiled, results: Results) -> bool:
    """Whether every expectation has a number: one that was written later may refer to a metric that
    the run did not measure.
    """
    for one in compiled.expectations:
        curve = curve_of(one)
        if curve is None and number_of(results.metrics, one) is None:
            return False
        if curve is not None and not results.history.get(curve):
            return False
    return True


def decided(
    compiled: Compiled, results: Results, baseline: Baseline | None, *, strict_time: bool
) -> tuple[Decision, ...]:
    """Which expectations are met; those of `seconds` only warn unless `strict_time`."""
    found = decide(compiled, results, baseline)
    return tuple(replace(one, severity="error") for one in found) if strict_time else found


def unmet(spec: Spec, decisions: tuple[Decision, ...]) -> Iterator[Diagnostic]:
    """MS829 for each expectation that is not met, at its key in the spec."""
    expectations = spec.compiled.expectations if spec.compiled is not None else ()
    for expectation, one in zip(expectations, decisions, strict=True):
        if one.holds is False:
            yield Diagnostic("MS829", one.severity, _said(one), expectation.key_span)


def _said(one: Decision) -> str:
    if one.measured is None:
        return f"`{one.key}` is expected to be `{one.expected}`, but has no value: {one.why}"
    values = one.as_json()
    row = next(rows({one.key: values}))
    return f"`{one.key}` is expected to be `{row[1]}`, but is {row[2]} (margin {row[3]})"


def failures(spec: Spec, output: str, why: str) -> tuple[Diagnostic, ...]:
    """The faults of a failed run, as printed by its process; without any, one under the code of the
    failure, or MS830.
    """
    root = spec.compiled.file.document.root.span if spec.compiled is not None else None
    found = tuple(
        Diagnostic(code, "error", message, _placed(root, file, line, column))
        for code, message, file, line, column in _PRINTED.findall(output)
    )
    if found:
        return found
    known = _CODE.search(why)
    code, said = (known[1], why[known.end() :]) if known is not None else ("MS830", why)
    return (Diagnostic(code, "error", f"{FAILED}: {said}", _first_line(root)),)


def _placed(root: Span | None, file: str, line: str, column: str) -> Span | None:
    """The place of a printed fault in the spec; the start of the spec if it has none there."""
    if root is None or file != root.file or not line:
        return _first_line(root)
    lines = root.source.text.splitlines(keepends=True)
    at = sum(map(len, lines[: int(line) - 1])) + int(column) - 1
    end = at + len(lines[int(line) - 1].rstrip()) - int(column) + 1
    return Span(root.source, at, max(at, end))


def _first_line(span: Span | None) -> Span | None:
    """The start of a text, so that the whole spec is not marked."""
    if span is None:
        return None
    end = span.source.text.find("\n", span.start)
    return span._replace(end=min(span.end, end if end > 0 else span.end))

"""Which expectations of a spec a run meets. Loads no framework: the numbers come from the files of
the run.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from modelspec.compiler.infer.static_numbers import static_number
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.expected_quantities import Quantities
from modelspec.compiler.spec.comparison import Comparison
from modelspec.compiler.spec.expect_section import (
    OF_RUN,
    PREFIXES,
    STATIC,
    Expectation,
    Expectations,
)
from modelspec.core.diagnostics import Diagnostic

from .baseline import path_of, read_baseline
from .record import Record
from .run_files import MODEL

Severity: TypeAlias = Literal["error", "warning"]
Undecided: TypeAlias = Literal["baseline", "examples"]
"""What a decision lacks: the baseline, or examples in the slice."""
_NEAR: Final = 1e-6
"""The relative difference up to which two metrics are equal: they are computed in float32, in which
9 of 10 is 0.89999998.
"""
_ERRORS: Final = 2
"""The number of standard errors by which a run may be worse than a baseline of several seeds: of
equally good runs, 1 in 40 is worse than that.
"""


class Accepted(Protocol):
    """The facts of a baseline that a decision requires."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Numbers by key, like those of a run."""
        ...

    @property
    def errors(self) -> Mapping[str, float]:
        """Standard errors of the difference between a run and the baseline, by key."""
        ...


@dataclass(frozen=True)
class Decision:
    """Whether one expectation holds."""

    key: str
    """`test_accuracy`; `val_loss.best` for the best of the epochs."""
    expected: str
    """The comparisons, as written."""
    measured: float | None
    """None if the run has no value."""
    margin: float | None
    """The distance to the nearest limit; negative if it is not met."""
    holds: bool | None
    """None: not decided."""
    severity: Severity = "error"
    why: str | None = None
    """Why it is not decided, or not measured."""
    baseline: float | None = None
    """The number of the baseline, if the limit depends on it."""
    undecided: Undecided | None = None

    def as_json(self) -> dict[str, Any]:
        """As in `metrics.json`; without empty entries."""
        found = {
            "expected": self.expected,
            "measured": _finite(self.measured),
            "margin": _finite(self.margin),
            "holds": self.holds,
            "severity": self.severity,
        }
        more = {"why": self.why, "baseline": self.baseline, "undecided": self.undecided}
        return found | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class Results:
    """The results of a run that expectations use."""

    metrics: Mapping[str, float]
    """By flat names: `test_accuracy`, `test_accuracy@island=Dream`, `accuracy` (of the last epoch),
    `parameters`, `size`, `seconds`.
    """
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """An entry for each epoch, by the names in the training log."""
    few: Collection[str] = ()
    """Slices with too few examples to be judged: `test@island=Dream`."""


def number_of(metrics: Mapping[str, float], expectation: Expectation) -> float | None:
    """A number by the key of an expectation. The names in the training log have no `train_`
    prefix.
    """
    found = metrics.get(expectation.key)
    if found is None and expectation.part == "train":
        found = metrics.get(expectation.metric)
    return found


def static_numbers(compiled: Compiled) -> dict[str, int]:
    """The known numbers of the model: `parameters`, `multiply_adds`, ..."""
    if compiled.graph is None:
        return {}
    graph, training, stages = compiled.graph, compiled.training, compiled.stage_graphs
    found = {name: static_number(name, graph, training, stages).value for name in STATIC}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def results_of(record: Record, compiled: Compiled) -> Results:
    """The results of the run of a record."""
    of_run = {"size": _size(record.path), "seconds": record.number("seconds")}
    found = {name: value for name, value in of_run.items() if value is not None}
    own = {**static_numbers(compiled), **found, "epochs": record.epochs}
    return Results({**record.metrics, **own}, record.history, record.few_slices)


def _size(run: Path) -> int | None:
    try:
        return (run / MODEL).stat().st_size
    except OSError:
        return None


def decisions_of(record: Record, compiled: Compiled) -> tuple[Decision, ...]:
    """Which expectations the run of a record meets; `compiled` is the spec as it was run."""
    if not compiled.expectations:
        return ()
    baseline = baseline_of(compiled, record.text("spec", "path"))
    return decide(compiled, results_of(record, compiled), baseline)


def baseline_of(compiled: Compiled, spec: str | None = None) -> Accepted | None:
    """The baseline of a spec if an expectation requires it, None without one.

    `spec` is the path of the spec's own file, if `compiled` was read from a run folder; a path out
    of the project of the run is not used.
    """
    if not any(one.of_baseline for each in compiled.expectations for one in each.comparisons):
        return None
    return read_baseline(spec_folder(compiled, spec), compiled.name)


def without_baseline(
    compiled: Compiled, spec: str | None = None, *, required: bool
) -> tuple[Diagnostic, ...]:
    """MS811 for every comparison with a number that no baseline has; an error if it is
    `required`.
    """
    asking = [
        (each, one) for each in compiled.expectations for one in each.comparisons if one.of_baseline
    ]
    if not asking:
        return ()
    folder = spec_folder(compiled, spec)
    baseline = read_baseline(folder, compiled.name)
    path = _from_here(path_of(folder, compiled.name))
    severity: Severity = "error" if required else "warning"
    return tuple(
        Diagnostic(
            "MS811",
            severity,
            f"`{each.key}` is not compared: the baseline `{path}` does not exist"
            if baseline is None
            else f"`{each.key}` is not compared: the baseline `{path}` has no such number",
            one.span,
            (),
            "`modelspec accept RUN` writes the baseline of an accepted run",
        )
        for each, one in asking
        if baseline is None or number_of(baseline.metrics, each) is None
    )


def _from_here(path: Path) -> Path:
    """The path in its usual form."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def spec_folder(compiled: Compiled, spec: str | None = None) -> Path:
    """The folder of a spec's own file, which contains its baselines."""
    context = compiled.file.context
    folder = (context.folder or Path.cwd()).resolve()
    within = folder if context.project is None else context.project.resolve()
    named = Path(spec).parent if spec else folder
    return named if named.resolve().is_relative_to(within) else folder


# Deciding -----------------------------------------------------------------------------------------


def decide(
    compiled: Compiled,
    results: Results,
    baseline: Accepted | None,
    expectations: Expectations | None = None,
) -> tuple[Decision, ...]:
    """Which expectations of a spec the results of a run meet, in the order of the spec: all, or the
    given ones.
    """
    quantities = Quantities(compiled.training, compiled.data)
    return tuple(
        _decision(one, _number(one, results, quantities), results, baseline)
        for one in (compiled.expectations if expectations is None else expectations)
    )


def _number(expectation: Expectation, results: Results, quantities: Quantities) -> float | None:
    """The number of an expectation. NaN is never the best of the epochs."""
    if expectation.over is None:
        return number_of(results.metrics, expectation)
    front = "val_" if expectation.part == "validation" else ""
    values = results.history.get(f"{front}{expectation.metric}", ())
    if quantities.training is not None and quantities.training.stages:
        values = [one for one in values if not math.isnan(one)]  # other stages do not log it
    if not values or expectation.over == "last":
        return values[-1] if values else None
    if expectation.over == "mean":
        infinite = [one for one in values if not math.isfinite(one)]
        return (sum(infinite) if infinite else math.fsum(values)) / len(values)
    found = quantities.find(expectation)
    numbers = [one for one in values if not math.isnan(one)]
    if not numbers:
        return math.nan
    return max(numbers) if found is not None and found.direction == "up" else min(numbers)


def _decision(
    expectation: Expectation,
    value: float | None,
    results: Results,
    baseline: Accepted | None,
) -> Decision:
    severity: Severity = "warning" if expectation.quantity == "seconds" else "error"
    base = None if baseline is None else number_of(baseline.metrics, expectation)
    asks = any(one.of_baseline for one in expectation.comparisons)
    key, text = expectation.name, expectation.text
    shown = base if asks else None
    if _is_few(expectation, results):
        why = "the slice has too few examples"
        return Decision(key, text, value, None, None, severity, why, shown, "examples")
    if value is None or math.isnan(value):
        return Decision(key, text, value, None, False, severity, _missing(expectation, value))
    slack = _slack(baseline, expectation)
    exact = expectation.part is None
    decided = []
    for one in expectation.comparisons:
        limit = one.limit(base)
        if limit is not None:
            decided.append(_compared(one, value, limit, slack if one.of_baseline else 0.0, exact))
    margins = [margin for _, margin in decided]
    margin = min(margins) if margins else None
    if not all(holds for holds, _ in decided):
        return Decision(key, text, value, margin, False, severity, None, shown)
    if asks and base is None:
        why = "no baseline exists" if baseline is None else f"the baseline has no `{key}`"
        return Decision(key, text, value, margin, None, severity, why, None, "baseline")
    return Decision(key, text, value, margin, True, severity, None, shown)


def _compared(
    one: Comparison, value: float, limit: float, slack: float, exact: bool
) -> tuple[bool, float]:
    """Whether a number meets a comparison, and by how much. `slack` moves the limit."""
    near = 0.0 if exact or math.isinf(value) else _NEAR * max(abs(value), abs(limit))
    if one.operator == "==":
        distance = abs(value - limit)
        holds = distance <= slack + near
        return holds, 0.0 if holds else -distance
    limit += -slack if one.is_lower else slack
    margin = value - limit if one.is_lower else limit - value
    if abs(margin) <= near:
        return not one.is_strict, 0.0
    return margin > 0, margin


def _slack(baseline: Accepted | None, expectation: Expectation) -> float:
    """How much worse than the baseline a number may be by chance."""
    error = None if baseline is None else number_of(baseline.errors, expectation)
    return _ERRORS * error if error is not None else 0.0


def _is_few(expectation: Expectation, results: Results) -> bool:
    if expectation.slice is None:
        return False
    front = next(one for one in PREFIXES if expectation.key.startswith(one)).removesuffix("_")
    return f"{front}@{expectation.slice}" in results.few


def _missing(expectation: Expectation, value: float | None) -> str:
    """Why it was not measured."""
    if value is not None:
        return "it is not a number (NaN)"
    if expectation.slice is not None:
        return f"no example of the {expectation.part} part is in the slice"
    if expectation.quantity in STATIC:
        return "it is unknown, because sizes of the model are unknown"
    return "the run did not record it" if expectation.quantity in OF_RUN else "it was not measured"


def _finite(value: float | None) -> float | None:
    """The number in a form that JSON supports."""
    return value if value is None or math.isfinite(value) else None

"""Reads the `sweep` section: its objectives, its settings, and its parameters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from modelspec.core.diagnostics import Collector, Span
from modelspec.core.diagnostics.derived import is_silent
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, Settings, describe
from modelspec.core.source import Entry, Mapping, Node, Sequence, plain

from .sweep_parameters import read_parameter
from .sweep_section import (
    ALL,
    FOLD,
    GRID,
    MOST_OBJECTIVES,
    Objective,
    Parameter,
    Sweep,
    SweepKeys,
)
from .switched_off import without_switched_off

KEYS: Final = tuple(SweepKeys.model_fields)
_READ_HERE: Final = ("objective", "parameters")
WAYS: Final = ("maximize", "minimize")
_EXAMPLE: Final = "write e.g. `objective: {maximize: val_accuracy}`"


def read_sweep(entry: Entry, context: Context, report: Collector) -> Sweep | None:
    """The section; None where it has errors, which are reported."""
    node, mine = entry.value, Collector()
    if not isinstance(node, Mapping):
        message = f"`sweep` must be a mapping, found {describe(plain(node))}"
        help = "write `sweep: {objective: {maximize: val_accuracy}, trials: 20, parameters: {...}}`"
        report.error("MS204", message, node.span, help=help)
        return None
    node = without_switched_off(known_keys(node, KEYS, "sweep", mine), KEYS)
    own = {key: one for key, one in node.entries.items() if key not in _READ_HERE}
    keys = read_section(SweepKeys, Mapping(own, node.span), entry.key_span, context, mine)
    parameters, folds = _parameters(node.entries.get("parameters"), mine)
    objectives = _objectives(node, entry.key_span, mine, needed=bool(parameters))
    report.extend(mine.diagnostics)
    if mine.has_errors or keys is None or any(is_silent(span) for span in _spans(node)):
        return None
    spans = {key: one.key_span for key, one in node.entries.items()}
    made = _made(keys, objectives, parameters)
    return replace(
        made, folds=folds is not None, span=entry.key_span, folds_span=folds, spans=spans
    )


def _spans(node: Mapping) -> list[Span]:
    return [one.value.span for one in node.entries.values()]


def _made(
    keys: SweepKeys, objectives: tuple[Objective, ...], parameters: tuple[Parameter, ...]
) -> Sweep:
    sampler, settings = _named(keys.sampler)
    pruner, of_pruner = _named(keys.pruner)
    return Sweep(
        objectives,
        keys.trials,
        keys.timeout,
        keys.patience,
        sampler or _usual_sampler(keys, objectives, parameters),
        settings,
        pruner,
        of_pruner,
        parameters,
        folds=False,
        span=None,  # type: ignore[arg-type]  # set by the caller, who knows the places
    )


def _named(made: Settings | None) -> tuple[str | None, dict[str, Any]]:
    """The name and the settings of a sampler or a pruner."""
    return (None, {}) if made is None else (made.kind(), made.model_dump())


def _usual_sampler(
    keys: SweepKeys, objectives: tuple[Objective, ...], parameters: tuple[Parameter, ...]
) -> str:
    if keys.trials is None and not any(one.is_continuous for one in parameters):
        return GRID
    return "nsga2" if len(objectives) > 1 else "tpe"


# Objectives ---------------------------------------------------------------------------------------


def _objectives(
    node: Mapping, span: Span, report: Collector, *, needed: bool
) -> tuple[Objective, ...]:
    """One or two objectives; a search without one is an error."""
    entry = node.entries.get("objective")
    if entry is None:
        if needed:
            report.error("MS203", "`sweep` requires `objective`", span, help=_EXAMPLE)
        return ()
    items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    if not 1 <= len(items) <= MOST_OBJECTIVES:
        message = f"`objective` must be one or two objectives, found {len(items)}"
        report.error("MS205", message, entry.value.span, help=_EXAMPLE)
        return ()
    found = [one for item in items if (one := _objective(item, report)) is not None]
    for first, second in pairwise(found):
        if first.key == second.key:
            message = f"both objectives are `{first.key}`"
            report.error("MS205", message, second.span, help="remove one of them")
    return tuple(found)


def _objective(node: Node, report: Collector) -> Objective | None:
    """`{maximize: val_accuracy}`."""
    if not isinstance(node, Mapping):
        value = plain(node)
        message = (
            "an objective must be `maximize` or `minimize` with a quantity, found"
            f" {describe(value)}"
        )
        help = f"write `{{maximize: {value}}}` or `{{minimize: {value}}}`"
        report.error("MS204", message, node.span, help=help if isinstance(value, str) else _EXAMPLE)
        return None
    node = known_keys(node, WAYS, "objective", report)
    if len(node.entries) != 1:
        message = "an objective takes exactly one of `maximize` and `minimize`"
        help = "write a list for two objectives: `[{maximize: val_accuracy}, {minimize: size}]`"
        report.error("MS208", message, node.span, help=help)
        return None
    ((way, entry),) = node.entries.items()
    key = plain(entry.value)
    if not isinstance(key, str):
        message = f"`{way}` must be a quantity such as `val_accuracy`, found {describe(key)}"
        report.error("MS204", message, entry.value.span)
        return None
    return Objective(key, way == "maximize", entry.value.span)


# Parameters ---------------------------------------------------------------------------------------


def _parameters(
    entry: Entry | None, report: Collector
) -> tuple[tuple[Parameter, ...], Span | None]:
    """The parameters, and where the folds are written."""
    if entry is None:
        return (), None
    if not isinstance(entry.value, Mapping):
        message = (
            "`parameters` must be a mapping of paths to values, found"
            f" {describe(plain(entry.value))}"
        )
        help = "write e.g. `parameters: {vars.width: [16, 32]}`"
        report.error("MS204", message, entry.value.span, help=help)
        return (), None
    found: list[Parameter] = []
    folds: Span | None = None
    for path, one in entry.value.entries.items():
        if path == FOLD and plain(one.value) == ALL:
            folds = one.key_span
        elif plain(one.value) is not None:  # `null` removes that of an extended file
            made = read_parameter(path, one, report)
            found += [made] if made is not None else []
    return tuple(found), folds

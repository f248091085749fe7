"""A shared layer or model whose weights are the moving average of those of another one:
`shared: {teacher: {ema_of: student, momentum: 0.996}}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingType
from typing import Any, Final

from modelspec.catalog.formula.formula_setting import formula_of, gives_truth
from modelspec.catalog.formula.grammar import Grammar
from modelspec.catalog.formula.scalars import evaluate
from modelspec.catalog.formula.tree import Formula
from modelspec.core.diagnostics import Collector, Fault, Span, did_you_mean, listed, nearest
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, located
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, plain

EMA_OF: Final = "ema_of"
MOMENTUM: Final = "momentum"
KEYS: Final = (EMA_OF, MOMENTUM)
DEFAULT_MOMENTUM: Final = 0.99
"""As `ema_momentum` of Keras's optimizers."""
_PLACE_NAMES: Final = ("epoch", "step")
_GRAMMAR: Final = Grammar("1 - 0.004 * (1 + cos(3.14159 * step / 10000)) / 2", False)


@dataclass(frozen=True)
class MovingAverage:
    """A shared layer or model with averaged weights."""

    name: str
    source: str
    """The shared layer or model whose weights are averaged."""
    momentum: float | Formula
    """How much of the average each step keeps: a number, or a formula over `epoch` and `step`."""
    span: Span
    """The name of the source in the spec."""


def is_average(node: Node) -> bool:
    """Whether a definition under `shared` is a moving average."""
    return isinstance(node, Mapping) and EMA_OF in node.entries


def read_average(
    name: str, node: Mapping, definitions: MappingType[str, Entry], report: Collector
) -> MovingAverage | None:
    """A moving average; None, with a report, if it does not name one of the other definitions."""
    node = known_keys(node, KEYS, name, report)
    momentum = _momentum(node, report)
    written = node.entries[EMA_OF].value
    source = plain(written)
    if not isinstance(source, str):
        message = f"`{EMA_OF}` must name a shared layer or model, found {describe(source)}"
        report.error("MS204", message, written.span, help="write the name of one under `shared`")
        return None
    if source in definitions and source != name and not is_average(definitions[source].value):
        return None if momentum is None else MovingAverage(name, source, momentum, written.span)
    _report_source(name, source, written.span, definitions, report)
    return None


def _report_source(
    name: str, source: str, span: Span, definitions: MappingType[str, Entry], report: Collector
) -> None:
    names = [one for one, entry in definitions.items() if not is_average(entry.value)]
    if source == name:
        message = f"`{name}` is the moving average of itself"
    elif source in definitions:
        message = f"`{EMA_OF}` names `{source}`, which is a moving average too"
    else:
        message = f"`{EMA_OF}` names `{source}`, which is not defined beside it under `shared`"
    near = nearest(source, names) if source not in definitions else None
    others = f"the other definitions are {listed(names)}" if names else "define it under `shared`"
    report.error("MS535", message, span, suggestion=near, help=did_you_mean(near, others))


def _momentum(node: Mapping, report: Collector) -> float | Formula | None:
    entry = node.entries.get(MOMENTUM)
    if entry is None:
        return DEFAULT_MOMENTUM
    written = entry.value
    if isinstance(written, Mapping) and list(written.entries) == ["formula"]:
        written = written.entries["formula"].value
    value: Any = plain(written)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and 0 <= value <= 1:
        return float(value)
    if isinstance(value, str):
        return _formula(value, written, report)
    report.error(
        "MS205" if is_number and math.isfinite(value) else "MS204",
        f"`{MOMENTUM}` must be a number from 0 to 1, or a formula over `epoch` and `step`, found"
        f" {describe(value)}",
        written.span,
        help="0.99 keeps 99 % of the average in each step",
    )
    return None


def _formula(value: str, written: Node, report: Collector) -> Formula | None:
    try:
        formula = formula_of(value, _PLACE_NAMES, grammar=_GRAMMAR)
        if gives_truth(formula):
            raise Fault(
                "MS143",
                "the formula gives a boolean, but a momentum must be a number",
                part=formula.root.place,
                help="write e.g. `0.9 if epoch < 5 else 0.99`",
            )
        first = float(evaluate(formula, dict.fromkeys(_PLACE_NAMES, 0)))
        if not 0 <= first <= 1:
            raise Fault(
                "MS205",
                f"the momentum is {first:g} in the first step, which is not from 0 to 1",
                part=formula.root.place,
                help=f"write e.g. `{_GRAMMAR.example}`",
            )
        return formula
    except Fault as fault:
        report.add(located(fault, written, written.span))
        return None

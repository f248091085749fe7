"""`training.class_weight` as written: how much each class of an output counts."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass
from math import isfinite
from typing import Any

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

BALANCED = "balanced"


@dataclass(frozen=True)
class ClassWeight:
    """The weights of an output's classes."""

    span: Span
    weights: MappingType[str, float] | None
    """By class: its number, or its label where the target is looked up; None: so that every class
    counts the same.
    """
    spans: MappingType[str, Span]
    """Where each class stands."""


def read_class_weight(
    node: Node, outputs: SequenceType[str], report: Collector
) -> dict[str, ClassWeight]:
    """By output. `balanced` alone holds for every output."""
    if isinstance(node, Mapping) and _by_output(node, outputs):
        found: dict[str, ClassWeight] = {}
        for name, entry in node.entries.items():
            if outputs and name not in outputs:
                near = nearest(
                    name, [one for one in outputs if one not in node.entries]
                ) or nearest(name, outputs)
                report.error(
                    "MS501",
                    f"`class_weight` names `{name}`, which is no output of the model",
                    entry.key_span,
                    suggestion=near,
                    help=(
                        f"did you mean `{near}`?"
                        if near
                        else f"its outputs are {listed(list(outputs))}"
                    ),
                )
            elif one := _read(entry.value, report):
                found[name] = one
        return found
    if len(outputs) > 1 and not isinstance(node, Scalar):
        report.error(
            "MS501",
            f"the model has {len(outputs)} outputs ({listed(list(outputs))}), so `class_weight`"
            " must say whose classes it weighs",
            node.span,
            help=f"write `{{{outputs[0]}: ...}}`",
        )
        return {}
    one = _read(node, report)
    return dict.fromkeys(outputs, one) if one else {}


def _by_output(node: Mapping, outputs: SequenceType[str]) -> bool:
    """Whether the keys are outputs rather than classes: weights of classes are numbers."""
    return any(not _is_number(plain(entry.value)) for entry in node.entries.values()) or (
        len(outputs) > 1 and any(key in outputs for key in node.entries)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read(node: Node, report: Collector) -> ClassWeight | None:
    value: Any = plain(node)
    if value == BALANCED:
        return ClassWeight(node.span, None, {})
    if isinstance(node, Sequence):
        entries = {str(index): (item, item.span) for index, item in enumerate(node.items)}
    elif isinstance(node, Mapping):
        entries = {key: (entry.value, entry.key_span) for key, entry in node.entries.items()}
    else:
        near = nearest(value, (BALANCED,)) if isinstance(value, str) else None
        report.error(
            "MS204",
            "`class_weight` is `balanced`, a weight for each class, or a list of them, found "
            f"{describe(value)}",
            node.span,
            suggestion=near,
            help=(
                f"did you mean `{near}`?"
                if near
                else 'write e.g. `class_weight: {"0": 1.0, "1": 5.0}`'
            ),
        )
        return None
    weights = {name: _number(item, name, report) for name, (item, _) in entries.items()}
    if not weights or any(weight is None for weight in weights.values()):
        return None
    known = {name: weight for name, weight in weights.items() if weight is not None}
    return ClassWeight(node.span, known, {name: span for name, (_, span) in entries.items()})


def _number(node: Node, name: str, report: Collector) -> float | None:
    value: Any = plain(node)
    if not _is_number(value):
        report.error(
            "MS204",
            f"the weight of class `{name}` must be a number, found {describe(value)}",
            node.span,
        )
        return None
    if not isfinite(value) or value < 0:
        report.error(
            "MS205",
            f"the weight of class `{name}` must be at least 0, found {describe(value)}",
            node.span,
            help="0 leaves a class out; a class that counts twice has 2",
        )
        return None
    return float(value)

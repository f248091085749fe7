"""`training.class_weight` as written: how much each class of an output counts."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from math import isfinite
from typing import Any

from modelspec.core.diagnostics import (
    Collector,
    Span,
    did_you_mean,
    listed,
    nearest,
    nearest_unused,
)
from modelspec.core.records import dataclass
from modelspec.core.settings import describe
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

BALANCED = "balanced"


@dataclass(frozen=True)
class ClassWeight:
    """The weights of an output's classes."""

    span: Span
    weights: MappingType[str, float] | None
    """By class: its number, or its label if the target is looked up; None: weights that balance the
    classes.
    """
    spans: MappingType[str, Span]
    """Where each class is written."""


def read_class_weight(
    node: Node, outputs: SequenceType[str], report: Collector
) -> dict[str, ClassWeight]:
    """By output. A bare `balanced` applies to every output."""
    if isinstance(node, Mapping) and _is_by_output(node, outputs):
        return _by_output(node, outputs, report)
    if len(outputs) > 1 and not isinstance(node, Scalar):
        report.error(
            "MS501",
            f"the model has {len(outputs)} outputs ({listed(list(outputs))}), so `class_weight`"
            " must name the output that it applies to",
            node.span,
            help=f"write `{{{outputs[0]}: ...}}`",
        )
        return {}
    one = _read(node, report)
    return dict.fromkeys(outputs, one) if one else {}


def _by_output(
    node: Mapping, outputs: SequenceType[str], report: Collector
) -> dict[str, ClassWeight]:
    found: dict[str, ClassWeight] = {}
    known = frozenset(outputs)
    for name, entry in node.entries.items():
        if known and name not in known:
            near = nearest_unused(name, outputs, node.entries)
            report.error(
                "MS501",
                f"`class_weight` names `{name}`, which is not an output of the model",
                entry.key_span,
                suggestion=near,
                help=did_you_mean(near, f"the outputs are {listed(outputs)}"),
            )
        elif one := _read(entry.value, report):
            found[name] = one
    return found


def _is_by_output(node: Mapping, outputs: SequenceType[str]) -> bool:
    """Whether the keys are outputs rather than classes: the weights of classes are numbers."""
    return any(not _is_number(plain(entry.value)) for entry in node.entries.values()) or (
        len(outputs) > 1 and not node.entries.keys().isdisjoint(outputs)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read(node: Node, report: Collector) -> ClassWeight | None:
    value: Any = plain(node)
    if value == BALANCED:
        return ClassWeight(node.span, None, {})
    weights = _by_class(node)
    if weights is None:
        near = nearest(value, (BALANCED,)) if isinstance(value, str) else None
        report.error(
            "MS204",
            "`class_weight` must be `balanced`, a weight for each class, or a list of weights,"
            f" found {describe(value)}",
            node.span,
            suggestion=near,
            help=did_you_mean(near, 'write e.g. `class_weight: {"0": 1.0, "1": 5.0}`'),
        )
        return None
    known: dict[str, float] = {}
    for name, (item, _) in weights.items():
        if (weight := _number(item, name, report)) is not None:
            known[name] = weight
    if not weights or len(known) < len(weights):
        return None
    return ClassWeight(node.span, known, {name: span for name, (_, span) in weights.items()})


def _by_class(node: Node) -> dict[str, tuple[Node, Span]] | None:
    """The weight of each class as written, with the place of the class."""
    if isinstance(node, Sequence):
        return {str(index): (item, item.span) for index, item in enumerate(node.items)}
    if isinstance(node, Mapping):
        return {key: (entry.value, entry.key_span) for key, entry in node.entries.items()}
    return None


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
            help="0 ignores a class; 2 counts a class twice",
        )
        return None
    return float(value)

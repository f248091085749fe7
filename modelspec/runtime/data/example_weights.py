"""Weights of examples: from a column of weights, and from weights of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelspec.compiler.spec.class_weight import ClassWeight
from modelspec.core.diagnostics import Span, listed, nearest

from .errors import Findings, places
from .split import Positions
from .table import Array, Table
from .targets import Target


def check_weights(
    weights: Array,
    name: str,
    table: Table,
    rows: Array | None,
    span: Span | None,
    findings: Findings,
) -> None:
    """MS629: a column of weights with negative values, or with zeros only."""
    bad = weights < 0
    if bad.any():
        found = np.flatnonzero(bad)
        shown = [
            table.place(name, (int(index if rows is None else rows[index]),))
            for index in found[:10]
        ]
        findings.error(
            "MS629",
            f"weight `{name}` is {weights[found[0]]:g} at {shown[0]}",
            span,
            notes=places(shown, len(found)),
            help="weights must be at least 0; an example with weight 0 is ignored",
        )
    elif not weights.any():
        findings.error(
            "MS629",
            f"every weight `{name}` of {table.name} is 0",
            span,
            help="name another column of weights, or remove `weights`",
        )


@dataclass(frozen=True)
class Balanced:
    """The classes of an output with `balanced` weights; the model may mask some steps."""

    classes: Array
    """The class of every example, and step of a sequence."""
    counted: Array
    """Which of them are not padding and not ignored, as far as the data shows."""
    train: Positions

    def weights(self, mask: Array | None = None) -> Array:
        """The weight of every example and step. `mask` is true for those that the model uses."""
        counted = self.counted if mask is None else self.counted & mask
        return _spread(_balanced(_counts(self.classes, counted, self.train)), self.classes)


def class_weights(
    chosen: Mapping[str, ClassWeight],
    targets: Mapping[str, Array],
    about: Mapping[str, Target],
    train: Positions,
    findings: Findings,
    real: Mapping[str, Array] | None = None,
) -> tuple[dict[str, Array], dict[str, Balanced]]:
    """The weight of every example of each output with class weights, by the class of its target;
    and the counts behind `balanced` weights where an example has several steps.

    `balanced` gives a class the weight examples / (classes * examples of the class), counted on the
    training split. `real` marks the steps of padded targets that are not padding; only these steps,
    and only classes that the loss does not ignore, are counted.
    """
    found: dict[str, Array] = {}
    balanced: dict[str, Balanced] = {}
    for output, weight in chosen.items():
        if output not in targets or output not in about:
            continue
        target = about[output]
        classes = _classes(np.asarray(targets[output]), target)
        if classes is None:
            findings.error(
                "MS629",
                f"output `{output}` has several binary units, so that an example has no single "
                "class for `class_weight`",
                weight.span,
                help="use a column of `weights` instead",
            )
            continue
        counted = _counted(classes, target, (real or {}).get(output))
        if weight.weights is None:
            one = Balanced(classes, counted, train)
            found[output] = one.weights()
            if classes.ndim > 1:
                balanced[output] = one
            continue
        table = _given(output, weight, _counts(classes, counted, train), target, findings)
        if table is not None:
            found[output] = _spread(table, classes)
    return found, balanced


def _counted(classes: Array, target: Target, real: Array | None) -> Array:
    """Which classes belong to real steps that the loss does not ignore."""
    counted = np.ones(classes.shape, bool)
    ignored = getattr(target.loss, "ignore_class", None)
    if ignored is not None:
        counted &= classes != ignored
    if real is not None and classes.shape[: real.ndim] == real.shape:
        counted &= real.reshape(*real.shape, *(1,) * (classes.ndim - real.ndim))
    return counted


def _counts(classes: Array, counted: Array, train: Positions) -> Array:
    """The number of training examples, or steps, of each class."""
    found: Array = np.bincount(classes[train][counted[train]].clip(min=0))
    return found


def _spread(table: Array, classes: Array) -> Array:
    """The weight of the class of each entry; classes that are not counted weigh 0."""
    known = np.append(table, np.zeros(max(0, int(classes.max(initial=0)) + 1 - len(table))))
    found: Array = known[classes.clip(min=0)].astype(np.float32)
    return found


def _classes(values: Array, target: Target) -> Array | None:
    """The class of every example (and step of a sequence) as an integer."""
    if target.encoding == "one_hot":
        found: Array = values.argmax(axis=target.class_axis)
        return found
    if target.encoding == "binary":
        if values.ndim > 1 and values.shape[-1] != 1:
            return None
        values = values[..., 0] if values.ndim > 1 else values
        return (values > 0.5).astype(np.int64)
    return values.astype(np.int64)


def _balanced(counts: Array) -> Array:
    present = counts > 0
    return np.where(
        present, counts.sum() / (np.count_nonzero(present) * np.maximum(counts, 1)), 0.0
    )


def _given(
    output: str, weight: ClassWeight, counts: Array, target: Target, findings: Findings
) -> Array | None:
    """A weight for each class. MS629 for an unknown class, and for a class without a weight."""
    assert weight.weights is not None
    names = [str(label) for label in target.labels or ()] or None
    table = np.full(len(names) if names else max(_units(target), len(counts)), np.nan)
    ignored = str(getattr(target.loss, "ignore_class", None))
    for name, value in weight.weights.items():
        if name == ignored:
            continue  # its weight has no effect: the loss ignores it
        place = _index(name, names, len(table))
        if place is None:
            _report_unknown(name, names, len(table), weight, output, findings)
            return None
        table[place] = value
    present = np.flatnonzero(counts)
    lacking = present[np.isnan(table[present])]
    if len(lacking):
        first = int(lacking[0])
        label = names[first] if names else str(first)
        findings.error(
            "MS629",
            f"`class_weight` has no weight for class `{label}` of output `{output}`, the class of "
            f"{counts[first]:,} training examples",
            weight.span,
            help=f'add `"{label}": 1.0`',
        )
        return None
    filled: Array = np.nan_to_num(table)
    return filled


def _report_unknown(
    name: str,
    names: list[str] | None,
    size: int,
    weight: ClassWeight,
    output: str,
    findings: Findings,
) -> None:
    near = nearest(name, names or [])
    known = listed(names[:10]) if names else f"0 to {size - 1}"
    findings.error(
        "MS629",
        f"`class_weight` names class `{name}`, which output `{output}` does not have",
        weight.spans.get(name, weight.span),
        help=f"did you mean `{near}`?" if near else f"its classes are {known}",
    )


def _units(target: Target) -> int:
    if target.encoding == "binary":
        return 2
    units: Any = target.tensor.shape[target.class_axis]
    return units if isinstance(units, int) else 1


def _index(name: str, names: list[str] | None, size: int) -> int | None:
    if names is not None:
        return names.index(name) if name in names else None
    return int(name) if name.isdecimal() and int(name) < size else None

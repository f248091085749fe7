"""How much examples count: a column of weights, and weights of classes turned into weights of
examples.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """MS629: a column of weights of which some are negative, or all 0."""
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
            help="weights are at least 0; 0 leaves an example out",
        )
    elif not weights.any():
        findings.error(
            "MS629",
            f"every weight `{name}` of {table.name} is 0",
            span,
            help="name the column of weights, or leave `weights` out",
        )


def class_weights(
    chosen: Mapping[str, ClassWeight],
    targets: Mapping[str, Array],
    about: Mapping[str, Target],
    train: Positions,
    findings: Findings,
) -> dict[str, Array]:
    """The weight of every example of each output whose classes have one, by the class that its
    target has.

    `balanced` gives a class the weight examples / (classes * examples of the class), counted on the
    training split.
    """
    found: dict[str, Array] = {}
    for output, weight in chosen.items():
        if output not in targets or output not in about:
            continue
        classes = _classes(np.asarray(targets[output]), about[output])
        if classes is None:
            findings.error(
                "MS629",
                f"output `{output}` has several units that each say yes or no: an example has no "
                "one class to weigh",
                weight.span,
                help="use a column of `weights` instead",
            )
            continue
        counts = np.bincount(classes[train].ravel().clip(min=0))
        table = (
            _balanced(counts)
            if weight.weights is None
            else _given(output, weight, counts, about[output], findings)
        )
        if table is not None:
            known = np.append(table, np.zeros(max(0, int(classes.max(initial=0)) + 1 - len(table))))
            found[output] = known[classes.clip(min=0)].astype(np.float32)
    return found


def _classes(values: Array, target: Target) -> Array | None:
    """The class of every example (and step of a sequence) as a whole number."""
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
    """A weight for each class. MS629 for a class that does not exist, and for one that has none."""
    assert weight.weights is not None
    names = [str(label) for label in target.labels or ()] or None
    table = np.full(len(names) if names else max(_units(target), len(counts)), np.nan)
    for name, value in weight.weights.items():
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
            f"`class_weight` has no weight for class `{label}` of output `{output}`, which "
            f"{counts[first]:,} training examples have",
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

"""Checks labels and numbers of targets against the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .conform import number
from .errors import Findings, places
from .table import Array
from .targets import Target

_TOLERANCE = 1e-3
"""How far the sum of a one-hot row may be from 1: float16 has three digits."""


def loss_name(target: Target) -> str:
    """The name of the loss of an output in messages."""
    return f"`{target.loss.kind()}`" if target.loss else "the loss"


def check_labels(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    """Findings for targets that the loss does not take: fractions, out of range, wrong sums."""
    check = _CHECKS.get(target.encoding)
    if check is not None:
        check(values, arranged, target, findings)
    if target.partial or target.encoding not in ("indices", "binary"):
        return
    if len(values) > 1 and not np.any(values != values.flat[0]):
        findings.warning(
            "MS620",
            f"every example has the same target for {target.subject}: {number(values.flat[0])}",
            target.bound.span,
            help="a model cannot learn from a constant target: check the column of the target",
        )


def _report(
    bad: Array,
    values: Array,
    target: Target,
    findings: Findings,
    code: str,
    message: Callable[[str], str],
    help: str | None = None,
) -> None:
    """A finding for the entries of `values` that `bad` marks; `message` returns the message for the
    first of them.
    """
    where = [tuple(int(i) for i in index) for index in np.argwhere(bad)[:10]]
    shown = [target.place(index) for index in where]
    findings.error(
        code,
        f"{message(number(values[where[0]]))} at {shown[0]}",
        target.bound.span,
        notes=places(shown, int(np.count_nonzero(bad))),
        help=help,
    )


def _whole(values: Array, target: Target, findings: Findings) -> bool:
    bad = values != np.floor(values) if values.dtype.kind == "f" else np.zeros(0, bool)
    if not bad.any():
        return True
    _report(
        bad,
        values,
        target,
        findings,
        "MS615",
        lambda label: (
            f"{loss_name(target)} takes class numbers, but the target of {target.subject} is"
            f" {label}"
        ),
        help=(
            "Keras would truncate the fraction; use a loss for numbers, e.g. `mse`, if these are"
            " not classes"
        ),
    )
    return False


def _check_indices(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    if not _whole(values, target, findings):
        return
    units = target.tensor.shape[target.class_axis]
    if not isinstance(units, int):
        return
    ignored = getattr(target.loss, "ignore_class", None)
    bad = (values < 0) | (values >= units)
    if ignored is not None:
        bad &= values != ignored
    if not bad.any():
        return
    least, most = int(values.min()), int(values.max())
    if target.labels is not None:
        _report_vocabulary(bad, values, units, target, findings)
        return
    if least == 1 and most == units:
        help = f"classes start at 0: subtract 1, or give the output {units + 1} units"
    elif least >= 0:
        help = f"the largest label is {most}: give the output {most + 1} units, or fix the labels"
    else:
        help = "classes start at 0"
    _report(
        bad,
        values,
        target,
        findings,
        "MS614",
        lambda label: (
            f"label {label} for {target.subject}, which has {units} classes (0 to {units - 1}),"
        ),
        help,
    )


def _report_vocabulary(
    bad: Array, values: Array, units: int, target: Target, findings: Findings
) -> None:
    labels = target.labels or ()
    unknown = sum(
        1
        for layer in (target.bound.chain.layers if target.bound.chain else ())
        if getattr(layer, "num_oov_indices", 0)
    )
    first = values[tuple(np.argwhere(bad)[0])]
    help = (
        "set `{num_oov_indices: 0}` on the lookup: otherwise class 0 means unknown labels"
        if unknown
        else f"give the output {len(labels)} units"
    )
    _report(
        bad,
        values,
        target,
        findings,
        "MS614",
        lambda label: (
            f"the lookup makes {len(labels)} classes, but {target.subject} has {units}: label "
            f"`{labels[int(first)]}` is class {label}"
        ),
        help,
    )


def _check_identities(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    _whole(values, target, findings)


def _check_one_hot(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    sums = np.asarray(arranged.sum(axis=target.class_axis, dtype=np.float64))
    negative: Array = np.any(arranged < 0, axis=target.class_axis)
    off = (np.abs(sums - 1) > _TOLERANCE) | negative
    if not off.any():
        return
    index = tuple(int(i) for i in np.argwhere(off)[0])
    where = target.place((index[0], 0) if target.bound.stacked else index[:1])
    what = "a negative probability" if negative[index] else f"a sum of {sums[index]:g}"
    findings.error(
        "MS615",
        f"{loss_name(target)} takes probabilities that sum to 1, but the target of"
        f" {target.subject} has {what} at {where}",
        target.bound.span,
        notes=_more_rows(off, target),
        help=(
            "use a loss for several labels per example (`binary_crossentropy`), or correct the rows"
        ),
    )


def _more_rows(off: Array, target: Target) -> tuple[str, ...]:
    rows = np.unique(np.argwhere(off)[:, 0])
    shown = [
        target.place((int(row), 0) if target.bound.stacked else (int(row),)) for row in rows[:10]
    ]
    return places(shown, len(rows))


def _check_binary(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    hinge = target.loss is not None and target.loss.kind() in ("Hinge", "SquaredHinge")
    if hinge:
        bad = (values != 0) & (values != 1) & (values != -1)
        takes = "-1 and 1 (or 0 and 1)"
    else:
        bad = (values < 0) | (
            values > 1
        )  # values between are valid: a smoothed label, a pixel to be reconstructed
        takes = "0 and 1"
    if not bad.any():
        return
    help = None
    if set(np.unique(values)) <= {-1, 1}:
        help = "turn -1 into 0, or use `hinge`"
    elif set(np.unique(values)) <= {1, 2}:
        help = "labels start at 0: subtract 1"
    _report(
        bad,
        values,
        target,
        findings,
        "MS615",
        lambda label: (
            f"{loss_name(target)} takes {takes}, but the target of {target.subject} is {label}"
        ),
        help,
    )


def _check_numbers(values: Array, arranged: Array, target: Target, findings: Findings) -> None:
    """MS661: Keras replaces a negative number by the smallest positive one before the logarithm, or
    computes a meaningless result.
    """
    least = getattr(target.loss, "least", None)
    if least is None:
        return
    bad = values < least
    if bad.any():
        _report(
            bad,
            values,
            target,
            findings,
            "MS661",
            lambda found: (
                f"{loss_name(target)} takes targets of at least {least:g}, but the target of "
                f"{target.subject} is {found}"
            ),
            help="use a loss for any numbers, e.g. `mse`, or correct the rows",
        )


_CHECKS: dict[str, Callable[[Array, Array, Target, Findings], None]] = {
    "indices": _check_indices,
    "identities": _check_identities,
    "sequences": _check_indices,
    "one_hot": _check_one_hot,
    "binary": _check_binary,
    "numbers": _check_numbers,
}

"""Checks targets against the outputs and losses that they train: shapes that Keras would broadcast
silently, invalid labels.

The targets that a loss takes are declared by the loss itself (`targets` of
`modelspec.catalog.components.loss.Loss`).
"""

from __future__ import annotations

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import show

from .conform import arrange, as_read, cast
from .errors import Findings
from .formula_targets import fits_formula, has_formula
from .label_checks import check_labels, loss_name
from .table import Array
from .targets import Target

LABELS = ("indices", "identities", "sequences")
"""Encodings with integer targets."""


def fit_target(values: Array, target: Target, findings: Findings) -> Array | None:
    """The targets in the form that training takes; None, with findings, where the loss does not
    take them.
    """
    if not target.measured:
        return values
    before = len(findings.diagnostics)
    if target.labels is not None and _looks_like_indices(values, target):
        values = np.eye(max(len(target.labels), int(values.max(initial=0)) + 1), dtype=np.float32)[
            values
        ]
    try:
        arranged = values if target.encoding == "sequences" else _arranged(values, target)
        check_labels(values, arranged, target, findings)
        if len(findings.diagnostics) > before and not findings.ok:
            return None
        whole = target.encoding in LABELS
        return cast(
            arranged,
            "int32" if whole else _dtype(target),
            _named(target),
            lambda index: target.place(as_read(index, arranged, values)),
        )
    except Fault as fault:
        findings.extend([fault.at(target.bound.span)])
        return None


def _dtype(target: Target) -> str:
    """The dtype of numeric targets: float64 for an output of float64, otherwise float32, in which
    losses and metrics are computed.
    """
    return "float64" if target.tensor.dtype == "float64" else "float32"


def _named(target: Target) -> str:
    return f"the target of {target.subject}"


def _arranged(values: Array, target: Target) -> Array:
    if _looks_like_indices(values, target):
        raise Fault(
            "MS615",
            f"{loss_name(target)} takes a probability for each class, but the target of"
            f" {target.subject} is one number per example",
            help="use `sparse_categorical_crossentropy` for class numbers, or encode them:"
            f" `transform: [{{CategoryEncoding: {{num_tokens: {target.tensor.shape[-1]},"
            " output_mode: one_hot}}]`",
        )
    if _looks_one_hot(values, target):
        raise Fault(
            "MS615",
            f"{loss_name(target)} takes one class number, but the target of {target.subject} has "
            f"{values.shape[-1]} values per example",
            help="use `categorical_crossentropy` for one-hot targets",
        )
    try:
        return arrange(values, target.shape, target.subject, _named(target))
    except Fault:
        reason = fits_formula(values, target) if has_formula(target) else None
        if has_formula(target) and reason is None:
            return values
        if target.either and values.ndim < target.tensor.rank:
            return arrange(values, target.tensor.shape[1:-1], target.subject, _named(target))
        raise _misfit(values, target, reason) from None


def _misfit(values: Array, target: Target, reason: Fault | None) -> Fault:
    """MS616, with the reason of a formula that does not support the shapes."""
    wanted = show(target.tensor.shape)
    message = (
        f"the target of {target.subject} has the shape {_shown(values.shape)}, but the output is"
        f" {wanted}"
    )
    if reason is None:
        help = "make the shapes equal: Keras would silently broadcast one to the other"
        return Fault("MS616", message, help=help)
    return Fault("MS616", f"{message}: {reason.message}", help=reason.help)


def _shown(shape: tuple[int, ...]) -> str:
    return show((None, *shape[1:]))


def _looks_like_indices(values: Array, target: Target) -> bool:
    """Whether a one-hot loss was given class numbers."""
    return (
        target.encoding == "one_hot"
        and values.ndim == target.tensor.rank - 1
        and target.tensor.shape[-1] != 1
    )


def _looks_one_hot(values: Array, target: Target) -> bool:
    units = target.tensor.shape[target.class_axis]
    return (
        target.encoding == "indices"
        and values.ndim == target.tensor.rank
        and values.shape[-1] == units != 1
    )

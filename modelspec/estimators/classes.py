"""The classes of a classifier: the output unit of each label, and its probability."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.core.diagnostics import listed

Array = np.ndarray[Any, Any]
OF_CLASSES = ("indices", "one_hot", "binary")
"""The `targets` of losses that compare classes."""


def check_loss(loss: Any, sizes: tuple[Any, ...]) -> None:
    """Raises `ValueError` for a loss that does not compare classes, and for an output that has
    neither one score nor one score per class.
    """
    if loss is None:
        return
    if loss.targets not in OF_CLASSES:
        raise ValueError(
            f"`{loss.kind()}` does not compare classes, so the outputs are not probabilities: use"
            " e.g. `sparse_categorical_crossentropy` or `binary_crossentropy`, or `SpecRegressor`"
        )
    if len(sizes) != 2:
        raise ValueError(
            f"the output of a classifier has one vector per row, but that of the spec has"
            f" {len(sizes) - 1} axes per row: use `SpecRegressor`, or `ms.load_spec`"
        )


def as_targets(y: Array, classes: Array, loss: Any, units: int | None) -> Array:
    """Labels as the loss takes them, for a target without a transform: class indices unchanged,
    other labels as their index in `classes`; one-hot where the loss takes probabilities.
    """
    kind = getattr(loss, "targets", "")
    count = 2 if kind == "binary" else units if units is not None else len(classes)
    numbers = classes.dtype.kind in "iubf" and bool(
        np.all((classes == np.floor(classes)) & (classes >= 0) & (classes < count))
        if classes.dtype.kind != "b"
        else count >= 2
    )
    found: Array = y.astype(np.int64) if numbers else np.searchsorted(classes, y).astype(np.int64)
    if kind == "one_hot":
        return np.eye(max(count, int(found.max()) + 1), dtype=np.float32)[found]
    return found


def unit_of_each(labels: Array, prepared: Any, loss: Any) -> tuple[Array, Array]:
    """The labels in the training data, sorted, and the output unit of each.

    `labels` and `prepared` are the target of every example before and after its transform. Raises
    `ValueError` where two labels have the same unit, or there are fewer than two labels.
    """
    classes, first = np.unique(labels, return_index=True)
    if len(classes) < 2:
        raise ValueError(
            "the classifier can't train when only one class is present in the remaining rows"
        )
    shown = np.asarray(prepared)[np.sort(first)][np.argsort(np.argsort(first))]
    shown = shown.reshape(len(classes), -1)
    if shown.shape[1] > 1:
        units = shown.argmax(axis=1)
    else:
        flat = shown[:, 0]
        units = (flat > 0.5).astype(np.int64) if loss.targets == "binary" else flat.astype(np.int64)
    values, counts = np.unique(units, return_counts=True)
    if len(values) < len(units):
        one = values[counts > 1][0]
        same = [repr(label) for label in classes[units == one].tolist()]
        raise ValueError(
            f"the labels {listed(same[:6])} of y become the same class: use a `transform` of the"
            " target that keeps them apart, and only two labels for an output with one unit"
        )
    return classes, units


def shares(found: Array, loss: Any, units: Array) -> Array:
    """The probability of each class for each row [rows, classes]; `units` are the units of the
    classes. Units without a label are excluded.
    """
    logits = bool(getattr(loss, "from_logits", False))
    found = found.reshape(len(found), -1)
    if loss.targets == "binary":
        found = _sigmoid(found) if logits else found
        if found.shape[1] == 1:
            return np.concatenate([1 - found, found], axis=1)[:, units]
        return _normal(found[:, units])
    chosen: Array = found[:, units]
    if logits:
        chosen = np.exp(chosen - chosen.max(axis=1, keepdims=True))
    return _normal(chosen)


def _sigmoid(values: Array) -> Array:
    found: Array = np.exp(-np.logaddexp(0, -values))
    return found


def _normal(values: Array) -> Array:
    """Rows that add up to 1; equal probabilities where all are 0."""
    sums = values.sum(axis=1, keepdims=True)
    found: Array = np.divide(
        values, sums, out=np.full_like(values, 1 / values.shape[1]), where=sums > 0
    )
    return found

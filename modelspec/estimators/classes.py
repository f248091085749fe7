"""What the outputs of a classifier say of classes: the unit of each label, and its share."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.core.diagnostics import listed

Array = np.ndarray[Any, Any]
OF_CLASSES = ("indices", "one_hot", "binary")
"""What a loss takes (`targets`) that compares classes."""


def check_loss(loss: Any, sizes: tuple[Any, ...]) -> None:
    """Raises `ValueError` for a loss that does not compare classes, and for an output that has not
    one score, or one for each class.
    """
    if loss is None:
        return
    if loss.targets not in OF_CLASSES:
        raise ValueError(
            f"`{loss.kind()}` does not compare classes, so that no output is the share of one: use"
            " e.g. `sparse_categorical_crossentropy` or `binary_crossentropy`, or `SpecRegressor`"
        )
    if len(sizes) != 2:
        raise ValueError(
            f"the output of a classifier has one vector for each row, and the spec's has"
            f" {len(sizes) - 1} axes for each: use `SpecRegressor`, or `ms.load_spec`"
        )


def as_targets(y: Array, classes: Array, loss: Any, units: int | None) -> Array:
    """Labels as the loss takes them, for a target without a transform: numbers of classes as they
    are, other labels by their place in `classes`; one-hot where the loss takes shares.
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
    """The labels that training sees, sorted, and the unit of the output that each trains.

    `labels` and `prepared` are the target of every example before and after its transform. Raises
    `ValueError` where two labels train one unit, or there are not two.
    """
    classes, first = np.unique(labels, return_index=True)
    if len(classes) < 2:
        raise ValueError(
            "the classifier can't train when only one class is present in the rows that are kept"
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
            f"the labels {listed(same[:6])} of y are one class to the model: let the target's"
            " `transform` keep each apart, and a one-unit output have two labels"
        )
    return classes, units


def shares(found: Array, loss: Any, units: Array) -> Array:
    """A probability for each row and class [rows, classes]; `units` says which unit is which
    class, and those that no label trains have no share.
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
    """Rows that add up to 1; equal shares where all are 0."""
    sums = values.sum(axis=1, keepdims=True)
    found: Array = np.divide(
        values, sums, out=np.full_like(values, 1 / values.shape[1]), where=sums > 0
    )
    return found

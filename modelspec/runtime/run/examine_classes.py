"""Statistics of a classification: confusion, precision and recall, ROC and precision-recall curves,
calibration. Every value counts once; weights of the data are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np

from ..data.table import Array
from ..history.findings import Calibration, Classes, ClassRow, Curve, Labels

MATRIX: Final = 20
"""Maximum number of classes in a confusion matrix; further classes are pooled."""
ROWS: Final = 200
"""Maximum number of classes in a table."""
CURVES: Final = 6
"""Maximum number of classes for which each has a curve."""
_POINTS: Final = 200
"""Maximum number of points of a curve."""
_BINS: Final = 10


def classes(
    true: Array,
    predicted: Array,
    shares: Array,
    labels: Sequence[str],
    *,
    unit: Literal["examples", "steps", "pixels"] = "examples",
    probable: bool = True,
) -> Classes:
    """Statistics from class numbers [values] and class probabilities [values, classes]."""
    count = shares.shape[-1]
    names = [*labels[:count], *map(str, range(len(labels), count))]
    matrix = confusion(true, predicted, count)
    rows = class_rows(matrix, names)
    if unit == "pixels":
        rows = [replace(row, iou=_iou(matrix, at)) for at, row in enumerate(rows)]
    if unit == "examples":
        rows = [
            _with_areas(row, true == at, shares[:, at]) if at < ROWS else row
            for at, row in enumerate(rows)
        ]
    shown = [1] if count == 2 else list(range(count)) if count <= CURVES else []
    shown = [at for at in shown if unit == "examples" and 0 < rows[at].support < len(true)]
    pooled, kept = _largest(matrix)
    return Classes(
        unit,
        len(true),
        float(np.trace(matrix)) / max(1, len(true)),
        (*(names[at] for at in kept), *(("other",) if pooled is not None else ())),
        _plain(matrix if pooled is None else pooled),
        tuple(_most_telling(rows)),
        count,
        pooled is not None,
        {names[at]: thinned(roc(true == at, shares[:, at])) for at in shown},
        {names[at]: thinned(precision_recall(true == at, shares[:, at])) for at in shown},
        calibration(true, predicted, shares) if probable and unit == "examples" else None,
    )


def several(true: Array, predicted: Array, shares: Array, labels: Sequence[str]) -> Labels:
    """Statistics of an output with any number of labels: all arrays are [examples, labels]."""
    rows = []
    for at, label in enumerate(labels):
        matrix = confusion(true[:, at], predicted[:, at], 2)
        (_, row) = class_rows(matrix, ("", label))
        rows.append(_with_areas(row, true[:, at] == 1, shares[:, at]))
    exact = float((true == predicted).all(axis=-1).mean()) if len(true) else 0.0
    return Labels(len(true), exact, tuple(_most_telling(rows)), len(labels))


def confusion(true: Array, predicted: Array, count: int) -> Array:
    """The number of values by true class (rows) and predicted class (columns)."""
    found = np.bincount(true.astype(np.int64) * count + predicted, minlength=count * count)
    return found.reshape(count, count)


def class_rows(matrix: Array, names: Sequence[str]) -> list[ClassRow]:
    """Precision, recall and F1 of each class."""
    right = np.diag(matrix)
    support, decided = matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        ClassRow(
            name,
            int(support[at]),
            _share(right[at], decided[at]),
            _share(right[at], support[at]),
            _share(2 * right[at], support[at] + decided[at]),
        )
        for at, name in enumerate(names)
    ]


def _share(part: int, whole: int) -> float | None:
    return float(part) / float(whole) if whole else None


def _iou(matrix: Array, at: int) -> float | None:
    return _share(matrix[at, at], matrix[at].sum() + matrix[:, at].sum() - matrix[at, at])


def _with_areas(row: ClassRow, positive: Array, scores: Array) -> ClassRow:
    """Adds the areas under the curves of one class; unchanged if all values belong to
    it, or none.
    """
    if not positive.any() or positive.all() or not np.isfinite(scores).all():
        return row
    x, y = roc(positive, scores)
    recall, precision = precision_recall(positive, scores)
    return replace(
        row,
        area=float(np.trapezoid(y, x)),
        average_precision=float(np.sum(np.diff(recall) * precision[1:])),
    )


# Curves -------------------------------------------------------------------------------------------


def _counts(positive: Array, scores: Array) -> tuple[Array, Array]:
    """True and false positives at each threshold, from above all scores downwards."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    right = np.cumsum(positive[order])[ends]
    return np.append(0, right), np.append(0, 1 + ends - right)


def roc(positive: Array, scores: Array) -> tuple[Array, Array]:
    """The rate of false positives, and recall, at each threshold from the highest down."""
    right, wrong = _counts(positive, scores)
    return wrong / wrong[-1], right / right[-1]


def precision_recall(positive: Array, scores: Array) -> tuple[Array, Array]:
    """Recall and precision at each threshold from the highest down; precision is 1 if nothing is
    predicted positive.
    """
    right, wrong = _counts(positive, scores)
    with np.errstate(all="ignore"):
        precision = right / (right + wrong)
    precision[0] = 1.0
    return right / right[-1], precision


def thinned(curve: tuple[Array, Array]) -> Curve:
    """At most 200 points of a curve, including its ends."""
    x, y = curve
    at = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).round().astype(np.int64))
    return tuple(zip(x[at].tolist(), y[at].tolist(), strict=True))


def calibration(true: Array, predicted: Array, shares: Array) -> Calibration | None:
    """Ten bins of equal width over the probability of the predicted class; None if the values are
    not probabilities.
    """
    if not len(true) or not np.isfinite(shares).all() or shares.min() < 0 or shares.max() > 1:
        return None
    chosen = np.take_along_axis(shares, predicted[:, None], axis=-1)[:, 0].astype(np.float64)
    right = true == predicted
    bins = np.minimum((chosen * _BINS).astype(np.int64), _BINS - 1)
    found = [
        (float(chosen[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for inside in (bins == at for at in range(_BINS))
        if inside.any()
    ]
    error = sum(abs(mean - share) * count for mean, share, count in found) / len(true)
    return Calibration(tuple(found), error)


# Many classes -------------------------------------------------------------------------------------


def _largest(matrix: Array) -> tuple[Array | None, list[int]]:
    """If there are more classes than a matrix shows, those with the most errors, and the pooled
    others; otherwise None and all classes.
    """
    count = len(matrix)
    if count <= MATRIX:
        return None, list(range(count))
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    kept = np.sort(np.argsort(-wrong, kind="stable")[: MATRIX - 1])
    group = np.full(count, len(kept))
    group[kept] = np.arange(len(kept))
    found = np.zeros((len(kept) + 1,) * 2, np.int64)
    np.add.at(found, (group[:, None], group[None, :]), matrix)
    return found, kept.tolist()


def _most_telling(rows: Sequence[ClassRow]) -> list[ClassRow]:
    """All classes in their order; if there are too many, those with the worst results."""
    if len(rows) <= ROWS:
        return list(rows)
    return sorted(rows, key=lambda row: (row.f1 is None, row.f1 or 0.0))[:ROWS]


def _plain(matrix: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())

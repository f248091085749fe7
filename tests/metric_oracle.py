"""Every metric of the catalogue in float64 NumPy, from its definition: targets `y`, outputs `p`, both
(..., units) or `y` without the last axis for class numbers, and `w`, the weight of every value
(...), 0 for one that does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def mean(values: Array, weights: Array) -> float:
    """The weighted mean over all values."""
    return float((values * weights).sum() / weights.sum())


def units_mean(values: Array) -> Array:
    """The mean over the units of each example or step."""
    return values.mean(axis=-1)


# Probabilities ------------------------------------------------------------------------------------


def crossentropy(y: Array, p: Array) -> Array:
    """Of yes or no, for each unit, averaged over the units."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return units_mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def class_crossentropy(y: Array, p: Array) -> Array:
    """Of one class out of several, `y` its number."""
    p = np.clip(p / p.sum(-1, keepdims=True), 1e-7, 1 - 1e-7)
    return -np.log(np.take_along_axis(p, y.astype(int)[..., None], -1)[..., 0])


def one_hot_crossentropy(y: Array, p: Array) -> Array:
    """Of one class out of several, `y` its one-hot code."""
    p = np.clip(p / p.sum(-1, keepdims=True), 1e-7, 1 - 1e-7)
    return -(y * np.log(p)).sum(-1)


def divergence(y: Array, p: Array) -> Array:
    """Kullback and Leibler's."""
    y, p = np.clip(y, 1e-7, 1), np.clip(p, 1e-7, 1)
    return (y * np.log(y / p)).sum(-1)


# Counts -------------------------------------------------------------------------------------------


def counts(y: Array, p: Array, w: Array, threshold: float = 0.5) -> tuple[float, ...]:
    """True positives, false positives, true and false negatives, over all units."""
    w = np.broadcast_to(w[..., None], y.shape)
    said, right = p > threshold, y > 0.5
    pairs = ((said & right), (said & ~right), (~said & ~right), (~said & right))
    return tuple(float(w[pair].sum()) for pair in pairs)


def share(part: float, rest: float) -> float:
    """`part` of both, 0 where there is none of either."""
    return part / (part + rest) if part + rest else 0.0


def precision(y: Array, p: Array, w: Array) -> float:
    tp, fp, _, _ = counts(y, p, w)
    return share(tp, fp)


def recall(y: Array, p: Array, w: Array) -> float:
    tp, _, _, fn = counts(y, p, w)
    return share(tp, fn)


def auc(y: Array, p: Array, w: Array) -> float:
    """The area under 200 thresholds, joined by straight lines."""
    points = []
    for threshold in [-1e-7, *(np.arange(1, 199) / 199), 1 + 1e-7]:
        tp, fp, tn, fn = counts(y, p, w, threshold)
        points.append((fp / (fp + tn), tp / (tp + fn)))
    x, h = np.array(points)[::-1].T
    return float((np.diff(x) * (h[1:] + h[:-1]) / 2).sum())


Rate = Callable[[float, float, float, float], float]
SENSITIVITY: Rate = lambda tp, fp, tn, fn: share(tp, fn)  # noqa: E731  # a row of a table
SPECIFICITY: Rate = lambda tp, fp, tn, fn: share(tn, fp)  # noqa: E731
PRECISION: Rate = lambda tp, fp, tn, fn: share(tp, fp)  # noqa: E731


def best(wanted: Rate, where: Rate) -> Callable[[Array, Array, Array], float]:
    """The highest of one rate over the thresholds at which another is at least a half."""

    def found(y: Array, p: Array, w: Array) -> float:
        rates = [counts(y, p, w, threshold) for threshold in np.arange(200) / 199]
        return max((wanted(*one) for one in rates if where(*one) >= 0.5), default=0.0)

    return found


def f_score(beta: float) -> Callable[[Array, Array, Array], float]:
    """Of the highest output of each example against its one-hot code, averaged over classes."""

    def found(y: Array, p: Array, w: Array) -> float:
        said = p == p.max(-1, keepdims=True)
        scores = []
        for unit in range(p.shape[-1]):
            tp = w[said[..., unit] & (y[..., unit] > 0.5)].sum()
            fp = w[said[..., unit] & (y[..., unit] < 0.5)].sum()
            fn = w[~said[..., unit] & (y[..., unit] > 0.5)].sum()
            scores.append((1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp))
        return float(np.mean(scores))

    return found


def overlap(said: Array, is_it: Array, w: Array, classes: range | tuple[int, ...]) -> float:
    """Intersection over union, averaged over the classes that are there."""
    found = []
    for one in classes:
        both = w[(said == one) & (is_it == one)].sum()
        either = w[(said == one) | (is_it == one)].sum()
        if either > 0:
            found.append(both / either)
    return float(np.mean(found))


def top(k: int, y: Array, p: Array) -> Array:
    """Whether the class is among the k highest."""
    own = np.take_along_axis(p, y.astype(int)[..., None], -1)
    return (p > own).sum(-1) < k


# Numbers ------------------------------------------------------------------------------------------


def normalized(values: Array) -> Array:
    """Of length 1 along the units; zeros stay zeros."""
    return values / np.sqrt(np.maximum((values**2).sum(-1, keepdims=True), 1e-12))


def correlation(y: Array, p: Array) -> Array:
    """Pearson's coefficient along the units: none where all targets of an example are equal."""
    y, p = centred(y), centred(p)
    with np.errstate(invalid="ignore"):
        return (y * p).sum(-1) / np.sqrt((y**2).sum(-1) * (p**2).sum(-1))


def centred(values: Array) -> Array:
    return values - values.mean(-1, keepdims=True)


def concordance(y: Array, p: Array) -> Array:
    """Lin's coefficient along the units."""
    covariance = units_mean(centred(y) * centred(p))
    apart = (units_mean(y) - units_mean(p)) ** 2
    return 2 * covariance / (y.var(-1) + p.var(-1) + apart)


def r2(y: Array, p: Array, w: Array) -> float:
    """1 minus residual over total sum of squares, averaged over the units."""
    y, p, w = y.reshape(-1, y.shape[-1]), p.reshape(-1, p.shape[-1]), w.reshape(-1, 1)
    middle = (w * y).sum(0) / w.sum()
    return float(np.mean(1 - (w * (y - p) ** 2).sum(0) / (w * (y - middle) ** 2).sum(0)))


def signs(y: Array) -> Array:
    """-1 and 1 for 0 and 1; other numbers as they are."""
    return 2 * y - 1 if np.isin(y, (0, 1)).all() else y


def categorical_hinge(y: Array, p: Array) -> Array:
    return np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0)


ORACLE: dict[str, Callable[[Array, Array, Array], float]] = {
    # numbers
    "MeanSquaredError": lambda y, p, w: mean(units_mean((y - p) ** 2), w),
    "MeanAbsoluteError": lambda y, p, w: mean(units_mean(abs(y - p)), w),
    "RootMeanSquaredError": lambda y, p, w: mean(units_mean((y - p) ** 2), w) ** 0.5,
    "MeanAbsolutePercentageError": lambda y, p, w: (
        100 * mean(units_mean(abs(y - p) / np.maximum(abs(y), 1e-7)), w)
    ),
    "MeanSquaredLogarithmicError": lambda y, p, w: mean(
        units_mean((np.log1p(y.clip(1e-7)) - np.log1p(p.clip(1e-7))) ** 2), w
    ),
    "LogCoshError": lambda y, p, w: mean(units_mean(np.log(np.cosh(p - y))), w),
    "Poisson": lambda y, p, w: mean(units_mean(p - y * np.log(p + 1e-7)), w),
    "R2Score": r2,
    "CosineSimilarity": lambda y, p, w: mean((normalized(y) * normalized(p)).sum(-1), w),
    "PearsonCorrelation": lambda y, p, w: mean(correlation(y, p), w),
    "ConcordanceCorrelation": lambda y, p, w: mean(concordance(y, p), w),
    "Accuracy": lambda y, p, w: mean(units_mean(y == p), w),
    # margins
    "Hinge": lambda y, p, w: mean(units_mean(np.maximum(1 - signs(y) * p, 0)), w),
    "SquaredHinge": lambda y, p, w: mean(units_mean(np.maximum(1 - signs(y) * p, 0) ** 2), w),
    "CategoricalHinge": lambda y, p, w: mean(categorical_hinge(y, p), w),
    # yes or no
    "BinaryAccuracy": lambda y, p, w: mean(units_mean((p > 0.5) == (y > 0.5)), w),
    "BinaryCrossentropy": lambda y, p, w: mean(crossentropy(y, p), w),
    "TruePositives": lambda y, p, w: counts(y, p, w)[0],
    "FalsePositives": lambda y, p, w: counts(y, p, w)[1],
    "TrueNegatives": lambda y, p, w: counts(y, p, w)[2],
    "FalseNegatives": lambda y, p, w: counts(y, p, w)[3],
    "Precision": precision,
    "Recall": recall,
    "AUC": auc,
    "SensitivityAtSpecificity": best(SENSITIVITY, SPECIFICITY),
    "SpecificityAtSensitivity": best(SPECIFICITY, SENSITIVITY),
    "PrecisionAtRecall": best(PRECISION, SENSITIVITY),
    "RecallAtPrecision": best(SENSITIVITY, PRECISION),
    "BinaryIoU": lambda y, p, w: overlap(
        p > 0.5, y > 0.5, np.broadcast_to(w[..., None], y.shape), (0, 1)
    ),
    # one class out of several, by its number
    "SparseCategoricalAccuracy": lambda y, p, w: mean(p.argmax(-1) == y, w),
    "SparseCategoricalCrossentropy": lambda y, p, w: mean(class_crossentropy(y, p), w),
    "SparseTopKCategoricalAccuracy": lambda y, p, w: mean(top(2, y, p), w),
    "MeanIoU": lambda y, p, w: overlap(p.argmax(-1), y.astype(int), w, range(p.shape[-1])),
    "IoU": lambda y, p, w: overlap(p.argmax(-1), y.astype(int), w, (1,)),
    # one class out of several, by its one-hot code
    "CategoricalAccuracy": lambda y, p, w: mean(p.argmax(-1) == y.argmax(-1), w),
    "CategoricalCrossentropy": lambda y, p, w: mean(one_hot_crossentropy(y, p), w),
    "TopKCategoricalAccuracy": lambda y, p, w: mean(top(2, y.argmax(-1), p), w),
    "KLDivergence": lambda y, p, w: mean(divergence(y, p), w),
    "F1Score": f_score(1.0),
    "FBetaScore": f_score(2.0),
    "OneHotMeanIoU": lambda y, p, w: overlap(p.argmax(-1), y.argmax(-1), w, range(p.shape[-1])),
    "OneHotIoU": lambda y, p, w: overlap(p.argmax(-1), y.argmax(-1), w, (1,)),
}

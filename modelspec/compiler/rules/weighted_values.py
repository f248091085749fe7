"""Whether Keras can multiply the losses or the values of a metric with weights and masks."""

from __future__ import annotations

from modelspec.catalog.formula.elementwise import BATCH
from modelspec.core.shapes import Shape, Size, broadcasts


def combines(first: Shape, second: Shape) -> bool:
    """Whether TensorFlow can add or multiply the two: from the last axis on, sizes are equal or 1.
    The size of a batch equals no other size.
    """
    pairs = zip(reversed(first), reversed(second), strict=False)
    return all(_meets(a, b) for a, b in pairs)


def weighs_losses(weights: Shape, losses: Shape) -> bool:
    """Whether a loss can be weighted: losses and weights are multiplied."""
    return combines(*_of_equal_rank(losses, weights))


def weighs_values(weights: Shape, values: Shape) -> bool:
    """Whether a mean of values can be weighted: the values of each weight are averaged, and the
    weights are then broadcast to the result.
    """
    values, weights = _of_equal_rank(values, weights)
    values = values[: len(weights)]
    pairs = zip(values, weights, strict=False)
    fits = (w == 1 or (v != 1 and _meets(v, w)) for v, w in pairs)
    return len(weights) <= len(values) and all(fits)


def with_batch(shape: Shape) -> Shape:
    """The shape in which the size of the batch axis is `BATCH` if the spec does not fix it."""
    return (BATCH, *shape[1:]) if shape[:1] == (None,) else shape


def _meets(a: Size, b: Size) -> bool:
    return a == b or 1 in (a, b) if BATCH in (a, b) else broadcasts(a, b)


def _of_equal_rank(values: Shape, weights: Shape) -> tuple[Shape, Shape]:
    """Both as Keras prepares them: it removes a last axis of size 1 from the one with more axes, or
    adds such an axis to the other one if that has a single axis.
    """
    if len(values) == len(weights) + 1 and values[-1] == 1:
        return (values, (*weights, 1)) if len(weights) == 1 else (values[:-1], weights)
    if len(weights) == len(values) + 1 and weights[-1] == 1:
        return ((*values, 1), weights) if len(values) == 1 else (values, weights[:-1])
    return values, weights

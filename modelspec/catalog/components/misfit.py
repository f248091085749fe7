"""What a loss or a metric says of outputs whose shape it cannot compare."""

from typing import NamedTuple

from modelspec.core.shapes import Shape, known


class Misfit(NamedTuple):
    """Why outputs of a shape cannot be compared."""

    reason: str
    """A sentence after the name of the loss or the metric: `compares rows of units alone`."""
    setting: str | None
    """The setting to blame, where it is written."""
    help: str


def along_examples(axis: int | tuple[int, ...] | None, outputs: Shape) -> bool:
    """Whether what is compared along the axis, or the axes, has values that are of no example. One
    number for all, which None makes too, can be weighed.
    """
    axes = (axis,) if isinstance(axis, int) else axis or ()
    rank = len(outputs)
    found = {one % rank for one in axes if -rank <= one < rank}
    return 0 in found and len(found) < rank


def off_the_last_axis(axis: int, outputs: Shape) -> Misfit | None:
    """For what TensorFlow compares along the last axis alone."""
    if axis in (-1, len(outputs) - 1):
        return None
    return Misfit(
        f"compares class numbers along the last axis alone, found axis {axis}",
        "axis",
        "leave `axis` out, and bring the classes to the last axis with `Permute`",
    )


def units_of(outputs: Shape) -> int | None:
    """How many units outputs have, where that is known."""
    return known(outputs[-1]) if len(outputs) > 1 else None


def from_the_end(axis: int) -> Misfit | None:
    """For what TensorFlow moves to the last axis: it counts from the first one."""
    if axis >= -1:
        return None
    return Misfit(
        f"compares along an axis that counts from the first one, or -1, found {axis}",
        "axis",
        "count the axis from 0, the batch",
    )

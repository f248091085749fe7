"""The reason why a loss or a metric cannot compare outputs of a shape."""

from typing import NamedTuple

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING, Shape, known


class Misfit(NamedTuple):
    """Why outputs of a shape cannot be compared."""

    reason: str
    """A sentence after the name of the loss or the metric: `compares outputs (batch, units) only`.
    """
    setting: str | None
    """The setting that causes it, if it is set."""
    help: str


def along_examples(axis: int | tuple[int, ...] | None, outputs: Shape) -> bool:
    """Whether a comparison along the axis or axes gives values that belong to no single example. A
    single number (also for None) can be weighted.
    """
    axes = (axis,) if isinstance(axis, int) else axis or ()
    rank = len(outputs)
    found = {one % rank for one in axes if -rank <= one < rank}
    return 0 in found and len(found) < rank


def without_axis(axis: int, outputs: Shape) -> Shape | None:
    """The shape of a comparison along the axis; None if the outputs do not have it."""
    if not -len(outputs) <= axis < len(outputs):
        return None
    axis %= len(outputs)
    return (*outputs[:axis], *outputs[axis + 1 :])


def off_the_last_axis(axis: int, outputs: Shape) -> Misfit | None:
    """For comparisons that TensorFlow only supports along the last axis."""
    if axis in (-1, len(outputs) - 1):
        return None
    return Misfit(
        f"compares class indices along the last axis only, found axis {axis}",
        "axis",
        "leave out `axis`, and move the classes to the last axis with `Permute`",
    )


def units_of(outputs: Shape) -> int | None:
    """The number of units of the outputs, if known."""
    return known(outputs[-1]) if len(outputs) > 1 else None


def without_known_units(outputs: Shape) -> Misfit | None:
    """For what Keras only computes from outputs (batch, units) with a known number of units."""
    if len(outputs) > 1 and (isinstance(outputs[-1], int) or outputs[-1] == PENDING):
        return None
    return Misfit(
        "requires outputs with a known number of units",
        None,
        "change the output to (batch, units), e.g. with `Reshape`",
    )


def from_the_end(axis: int) -> Misfit | None:
    """For axes that TensorFlow moves to the end: they must be counted from 0."""
    if axis >= -1:
        return None
    return Misfit(
        f"requires an axis counted from 0, or -1, found {axis}",
        "axis",
        "count the axis from 0, which is the batch",
    )


def formula_misfit(fault: Fault | None) -> Misfit | None:
    """For a formula that does not support outputs of a shape."""
    if fault is None:
        return None
    help = fault.help or "change the formula, or the output"
    return Misfit(f"cannot be computed ({fault.message})", "formula", help)

"""Targets of a loss that is a formula: of any shape that the formula supports."""

from __future__ import annotations

from modelspec.catalog.components.loss_expression import Expression
from modelspec.catalog.formula.type_inference import inference
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor

from .table import Array
from .targets import Target

_DTYPE = "float32"


def fits_formula(values: Array, target: Target) -> Fault | None:
    """Why the formula of a loss does not support targets of this shape and the output; None if it
    does.
    """
    assert isinstance(target.loss, Expression)
    formula = target.loss.formula
    shapes = compared((None, *values.shape[1:]), target.tensor.shape)
    types = {
        name: Tensor(shape, _DTYPE)
        for name, shape in zip(("y_true", "y_pred"), shapes, strict=True)
        if name in formula.arguments
    }
    try:
        inference(formula, types, {}).operand(formula.root)
    except Fault as fault:
        return fault
    return None


def has_formula(target: Target) -> bool:
    """Whether a formula compares the target with the output."""
    return isinstance(target.loss, Expression)


def compared(targets: Shape, outputs: Shape) -> tuple[Shape, Shape]:
    """The shapes that a formula gets: a last axis of 1 that only one of both has is removed from
    the targets, or added to them.
    """
    if len(targets) == len(outputs) + 1 and targets[-1] == 1:
        return targets[:-1], outputs
    if len(outputs) == len(targets) + 1 and outputs[-1] == 1:
        return (*targets, 1), outputs
    return targets, outputs

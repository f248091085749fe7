"""A learning rate by a formula, as code of Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import keras
from keras import ops

from modelspec.catalog.components.schedule_expression import Expression
from modelspec.catalog.formula.tree import Call, Choice, Constant, Name, Node, listed

from .python_code import Bracketed, Code, literal

STEPS: Final = "steps"
"""The variable of a script with the steps of an epoch."""
_LAMBDA: Final = "lambda step, epoch: "


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """A formula of the step and the epoch, which has this number of steps."""

    def __init__(self, formula: Any, steps: int = 1) -> None:
        self.formula = formula
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float64")
        rate = self.formula(step, ops.floor_divide(step, self.steps))
        return ops.cast(rate, "float32")

    def get_config(self) -> Any:
        return {"steps": self.steps}


def rate_code(settings: Expression) -> Bracketed:
    """`LearningRate(lambda step, epoch: ..., steps)`."""
    code = _numbers(settings.formula.root)
    formula: Code = (
        replace(code, head=f"{_LAMBDA}{code.head}")
        if isinstance(code, Bracketed)
        else f"{_LAMBDA}{code}"
    )
    names = (STEPS,) if "epoch" in settings.formula.arguments else ()
    return Bracketed(f"{LearningRate.__name__}(", (formula, *names), ")")


def _numbers(node: Node) -> Code:
    if isinstance(node, Constant):
        return literal(float(node.value))
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Choice):
        parts = tuple(map(_numbers, (node.test, node.yes, node.no)))
        return Bracketed("ops.where(", parts, ")")
    assert isinstance(node, Call)
    found, *others = [_numbers(one) for one in listed(node.tensors["x"])]
    function = {"min": "minimum", "max": "maximum"}.get(node.function, node.function)
    if not others:
        return found if function != node.function else Bracketed(f"ops.{function}(", (found,), ")")
    for other in others:
        found = Bracketed(f"ops.{function}(", (found, other), ")")
    return found

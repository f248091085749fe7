"""Evaluates formulas on numbers: constants in a formula, and a learning rate by epoch."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.records import NamedTuple

from .tree import Call, Choice, Constant, Formula, Name, Node, Place, listed

Number: TypeAlias = int | float | bool


class Scalar(NamedTuple):
    """A function of numbers."""

    least: int
    """The number of arguments."""
    most: int
    compute: Callable[..., Any]
    truth: bool = False
    """Whether its result is a boolean."""


def _sign(x: float) -> float:
    return math.copysign(1.0, x) if x else 0.0


SCALARS: Final[dict[str, Scalar]] = {
    "add": Scalar(2, 2, operator.add),
    "subtract": Scalar(2, 2, operator.sub),
    "multiply": Scalar(2, 2, operator.mul),
    "divide": Scalar(2, 2, operator.truediv),
    "floor_divide": Scalar(2, 2, operator.floordiv),
    "mod": Scalar(2, 2, operator.mod),
    "power": Scalar(2, 2, operator.pow),
    "negative": Scalar(1, 1, operator.neg),
    "less": Scalar(2, 2, operator.lt, True),
    "less_equal": Scalar(2, 2, operator.le, True),
    "greater": Scalar(2, 2, operator.gt, True),
    "greater_equal": Scalar(2, 2, operator.ge, True),
    "equal": Scalar(2, 2, operator.eq, True),
    "not_equal": Scalar(2, 2, operator.ne, True),
    "logical_and": Scalar(2, 2, lambda a, b: bool(a and b), True),
    "logical_or": Scalar(2, 2, lambda a, b: bool(a or b), True),
    "logical_not": Scalar(1, 1, operator.not_, True),
    "exp": Scalar(1, 1, math.exp),
    "expm1": Scalar(1, 1, math.expm1),
    "log": Scalar(1, 1, math.log),
    "log1p": Scalar(1, 1, math.log1p),
    "log2": Scalar(1, 1, math.log2),
    "log10": Scalar(1, 1, math.log10),
    "sqrt": Scalar(1, 1, math.sqrt),
    "sin": Scalar(1, 1, math.sin),
    "cos": Scalar(1, 1, math.cos),
    "tan": Scalar(1, 1, math.tan),
    "tanh": Scalar(1, 1, math.tanh),
    "abs": Scalar(1, 1, abs),
    "sign": Scalar(1, 1, _sign),
    "square": Scalar(1, 1, lambda x: x * x),
    "floor": Scalar(1, 1, math.floor),
    "ceil": Scalar(1, 1, math.ceil),
    "round": Scalar(1, 1, round),
    "minimum": Scalar(2, 2, min),
    "maximum": Scalar(2, 2, max),
    "min": Scalar(1, 100, min),
    "max": Scalar(1, 100, max),
}
"""All functions of numbers, including operators."""

_LARGEST: Final = 2**63


def compute(function: str, values: list[Number], place: Place) -> Number:
    """The value of a function. Raises `Fault` (MS145) unless it is a 64-bit number."""
    try:
        if function == "power":
            _check_power(*values)
        if function in ("min", "max") and len(values) == 1:
            return values[0]
        found = SCALARS[function].compute(*values)
    except ZeroDivisionError:
        raise Fault("MS145", "division by zero", part=place) from None
    except (ValueError, OverflowError, TypeError):
        raise Fault("MS145", f"{_shown(function, values)} is not a number", part=place) from None
    if isinstance(found, bool):
        return found
    if not _fits(found):
        raise Fault(
            "MS145", f"{_shown(function, values)} is not a finite number of 64 bits", part=place
        )
    return int(found) if isinstance(found, int) else float(found)


def _shown(function: str, values: list[Number]) -> str:
    return f"`{function}` of {', '.join(f'{value:g}' for value in values)}"


def _fits(number: int | float | complex) -> bool:
    """Whether a result is a finite number of 64 bits."""
    if isinstance(number, complex) or not math.isfinite(number):
        return False
    return not isinstance(number, int) or abs(number) < _LARGEST


def _check_power(base: Number, exponent: Number) -> None:
    """Refuses a power of integers with too many bits before it is computed, which would use up
    memory.
    """
    if not isinstance(base, int) or not isinstance(exponent, int) or exponent <= 0:
        return
    if abs(base) > 1 and (abs(base).bit_length() - 1) * exponent > 64:
        raise OverflowError


def evaluate(formula: Formula, values: Mapping[str, Number]) -> Number:
    """The value of a formula on numbers. Raises `Fault` (MS145) if it has none."""
    return _value(formula.root, values)


def _value(node: Node, values: Mapping[str, Number]) -> Number:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Name):
        return values[node.name]
    if isinstance(node, Choice):
        return _value(node.yes if _value(node.test, values) else node.no, values)
    assert isinstance(node, Call)
    numbers = listed(node.tensors["x"])
    if node.function in ("logical_and", "logical_or"):
        # The second operand is evaluated only if required.
        first, second = numbers
        if bool(_value(first, values)) == (node.function == "logical_or"):
            return node.function == "logical_or"
        return bool(_value(second, values))
    return compute(node.function, [_value(one, values) for one in numbers], node.place)

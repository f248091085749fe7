"""The weight of a term at a step of the training: a formula on numbers, computed in the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

import tensorflow as tf

from modelspec.catalog.formula import Formula
from modelspec.catalog.formula.tree import Call, Choice, Constant, Name, Node, listed

_DTYPE: Final = "float64"


def weight_value(weight: float | Formula, epoch: Any, step: Any) -> Any:
    """The value of a weight, a number or a formula on `epoch` and `step`; a float64 scalar."""
    if not isinstance(weight, Formula):
        return tf.constant(weight, _DTYPE)
    return _value(weight.root, {"epoch": tf.cast(epoch, _DTYPE), "step": tf.cast(step, _DTYPE)})


def _value(node: Node, names: Mapping[str, Any]) -> Any:
    if isinstance(node, Constant):
        return tf.constant(node.value, _DTYPE)
    if isinstance(node, Name):
        return names[node.name]
    if isinstance(node, Choice):
        test, yes, no = (_value(one, names) for one in (node.test, node.yes, node.no))
        return tf.where(_truth(test), yes, no)
    assert isinstance(node, Call)
    given = [_value(one, names) for one in listed(node.tensors["x"])]
    return tf.cast(FUNCTIONS[node.function](*given), _DTYPE)


def _truth(x: Any) -> Any:
    return tf.not_equal(x, 0.0)


def _round(x: Any) -> Any:
    """To the nearest integer, a half to the even one, as in Python."""
    return tf.math.rint(x)


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "add": tf.add,
    "subtract": tf.subtract,
    "multiply": tf.multiply,
    "divide": tf.divide,
    "floor_divide": tf.math.floordiv,
    "mod": tf.math.floormod,
    "power": tf.pow,
    "negative": tf.negative,
    "less": tf.less,
    "less_equal": tf.less_equal,
    "greater": tf.greater,
    "greater_equal": tf.greater_equal,
    "equal": tf.equal,
    "not_equal": tf.not_equal,
    "logical_and": lambda a, b: tf.logical_and(_truth(a), _truth(b)),
    "logical_or": lambda a, b: tf.logical_or(_truth(a), _truth(b)),
    "logical_not": lambda x: tf.logical_not(_truth(x)),
    "exp": tf.exp,
    "expm1": tf.math.expm1,
    "log": tf.math.log,
    "log1p": tf.math.log1p,
    "log2": lambda x: tf.math.log(x) / tf.math.log(tf.constant(2.0, _DTYPE)),
    "log10": lambda x: tf.math.log(x) / tf.math.log(tf.constant(10.0, _DTYPE)),
    "sqrt": tf.sqrt,
    "sin": tf.sin,
    "cos": tf.cos,
    "tan": tf.tan,
    "tanh": tf.tanh,
    "abs": tf.abs,
    "sign": tf.sign,
    "square": tf.square,
    "floor": tf.floor,
    "ceil": tf.math.ceil,
    "round": _round,
    "minimum": tf.minimum,
    "maximum": tf.maximum,
    "min": lambda *values: reduce(tf.minimum, values),
    "max": lambda *values: reduce(tf.maximum, values),
}
"""The functions of `catalog.formula.scalars`, on float64 tensors."""

"""The inverse of a target's transform, back to the numbers of its column, in float64.

`Normalization` and `Rescaling` are inverted by their numbers; an `Expression` by its formula, if
its tensor occurs once and only inside functions that have an inverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from modelspec.catalog.formula.tree import Call, Constant, Name, Node, children, walk
from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Layer
from modelspec.core.dtypes import is_float

Undo: TypeAlias = Callable[[Any], Any]
"""Maps float64 numbers to float64 numbers."""


def inverse(layers: tuple[Layer, ...], values: Any) -> Any:
    """Predicted numbers in the units of the column, in float64, since a float16 or a float32 may
    not hold them. Unchanged if a layer of the transform has no inverse.

    A number that the transform cannot return (below 0 for `sqrt(x)`) is mapped like the nearest
    possible one, or to NaN if there is none (0 for `exp(x)`).
    """
    steps = [_undone(layer) for layer in layers]
    if not steps or any(step is None for step in steps):
        return values
    values = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        for step in reversed(steps):
            assert step is not None
            values = step(values)
    return values


def has_inverse(layers: tuple[Layer, ...]) -> bool:
    """Whether `inverse` returns the column's numbers."""
    return bool(layers) and all(_undone(layer) is not None for layer in layers)


def _undone(layer: Layer) -> Undo | None:
    """The function from the outputs of a layer to its inputs; None if it has no such inverse."""
    if isinstance(layer, Expression):
        return _of_expression(layer)
    affine = layer.affine()
    if affine is None:
        return None
    scale, offset = np.asarray(affine.scale, np.float64), np.asarray(affine.offset, np.float64)
    if affine.divides:
        return lambda y: y * scale + offset
    return (lambda y: y * (1 / scale) - offset / scale) if np.all(scale) else None


# Formulas -----------------------------------------------------------------------------------------


def _of_expression(layer: Expression) -> Undo | None:
    """The inverse of a formula with one tensor that occurs once."""
    if layer.unlearned or len(layer.arguments) != 1:
        return None
    tensor = layer.arguments[0].name
    learned = {name: np.asarray(one, np.float64) for name, one in (layer.learned or {}).items()}
    steps: list[Undo] = []
    node = layer.formula.root
    while not (isinstance(node, Name) and node.name == tensor):
        found = _outermost(node, tensor, learned)
        if found is None:
            return None
        step, node = found
        steps.append(step)

    def undo(y: Any) -> Any:
        for step in steps:
            y = step(y)
        return y

    return undo


def _outermost(node: Node, tensor: str, learned: Mapping[str, Any]) -> tuple[Undo, Node] | None:
    """The inverse of the outermost function of a formula, and its argument."""
    if not isinstance(node, Call):
        return None
    operands = list(children(node))
    if len(operands) != len(node.tensors):
        return None  # a function of lists of tensors
    holders = [one for one in operands if _holds(one, tensor)]
    if len(holders) != 1:
        return None
    (holder,) = holders
    if len(operands) == 1:
        if node.function == "cast" and not is_float(str(node.settings.get("dtype"))):
            return None  # it rounds
        step = _FUNCTIONS.get(node.function)
        return None if step is None else (step, holder)
    if len(operands) != 2:
        return None
    first = holder is node.tensors.get("x1")
    other = _number(node.tensors.get("x2" if first else "x1"), learned)
    make = _OPERATORS.get((node.function, first))
    step = None if other is None or make is None else make(other)
    return None if step is None else (step, holder)


def _holds(node: Any, tensor: str) -> bool:
    return any(isinstance(one, Name) and one.name == tensor for one in walk(node))


def _number(node: Any, learned: Mapping[str, Any]) -> Any:
    """The value of a part of a formula without its tensor; None for unsupported parts."""
    if isinstance(node, Constant):
        return np.float64(node.value)
    if isinstance(node, Name):
        return learned.get(node.name)
    if not isinstance(node, Call):
        return None
    values = [_number(one, learned) for one in node.tensors.values()]
    compute = _COMPUTED.get((node.function, len(values)))
    if compute is None or any(value is None for value in values):
        return None
    with np.errstate(all="ignore"):
        return compute(*values)


def _factor(c: Any) -> Undo | None:
    return (lambda y: y / c) if np.all(c) else None


def _numerator(c: Any) -> Undo | None:
    return (lambda y: c / y) if np.all(c) else None


def _power(c: Any) -> Undo | None:
    """For `x ** c`: odd integers and, as they take no negative number, fractions."""
    if np.ndim(c) or not c:
        return None
    if float(c).is_integer():
        return (lambda y: np.sign(y) * np.abs(y) ** (1 / c)) if c % 2 else None
    return lambda y: np.maximum(y, 0.0) ** (1 / c)


def _exponent(c: Any) -> Undo | None:
    """For `c ** x`."""
    if np.ndim(c) or c <= 0 or c == 1:
        return None
    return lambda y: np.log(y) / np.log(c)


_OPERATORS: Final[Mapping[tuple[str, bool], Callable[[Any], Undo | None]]] = {
    ("add", True): lambda c: lambda y: y - c,
    ("add", False): lambda c: lambda y: y - c,
    ("subtract", True): lambda c: lambda y: y + c,
    ("subtract", False): lambda c: lambda y: c - y,
    ("multiply", True): _factor,
    ("multiply", False): _factor,
    ("divide", True): lambda c: (lambda y: y * c) if np.all(c) else None,
    ("divide", False): _numerator,
    ("power", True): _power,
    ("power", False): _exponent,
}
"""By function, and whether the tensor is its first operand: makes the inverse from the other
one.
"""
_FUNCTIONS: Final[Mapping[str, Undo]] = {
    "negative": lambda y: -y,
    "log": np.exp,
    "log1p": np.expm1,
    "log2": np.exp2,
    "log10": lambda y: 10.0**y,
    "exp": np.log,
    "expm1": np.log1p,
    "sqrt": lambda y: np.square(np.maximum(y, 0.0)),
    "rsqrt": lambda y: 1 / np.square(np.maximum(y, 0.0)),
    "tanh": np.arctanh,
    "arctanh": np.tanh,
    "sinh": np.arcsinh,
    "arcsinh": np.sinh,
    "sigmoid": lambda y: np.log(y) - np.log1p(-y),
    "cast": lambda y: y,
}
"""The inverses of injective functions of one tensor."""
_COMPUTED: Final[Mapping[tuple[str, int], Callable[..., Any]]] = {
    ("add", 2): np.add,
    ("subtract", 2): np.subtract,
    ("multiply", 2): np.multiply,
    ("divide", 2): np.divide,
    ("power", 2): np.power,
    ("maximum", 2): np.maximum,
    ("minimum", 2): np.minimum,
    ("negative", 1): np.negative,
    ("abs", 1): np.abs,
    ("sqrt", 1): np.sqrt,
    ("square", 1): np.square,
    ("log", 1): np.log,
    ("log1p", 1): np.log1p,
    ("exp", 1): np.exp,
}

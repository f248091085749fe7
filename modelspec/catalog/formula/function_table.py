"""The table of all functions on tensors: Keras's names, parameters and defaults, and their type
rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from . import elementwise as each
from . import matrices, products
from . import reductions as along
from . import shape_functions as form
from .array_functions import ARRAYS
from .elementwise import Arguments
from .function import REQUIRED, Function, Kind, Parameter, Result

_X = Parameter("x")
_PAIR = (Parameter("x1", "operand"), Parameter("x2", "operand"))
_REDUCED = (_X, Parameter("axis", "axes", None), Parameter("keepdims", "flag", False))
_PLACE = (_X, Parameter("axis", "axis", None), Parameter("keepdims", "flag", False))


def _rows(
    rule: Callable[[Arguments], Result],
    parameters: tuple[Parameter, ...],
    *names: str,
    joins: Callable[[Arguments], tuple[int, ...]] | None = None,
) -> Iterable[Function]:
    return (Function(name, parameters, rule, joins=joins) for name in names)


def _reductions(rule: Callable[[Arguments], Result], *names: str) -> Iterable[Function]:
    """Reductions that can be combined from those of parts."""
    return (Function(name, _REDUCED, rule, joins=along.axes_in, learned=True) for name in names)


def _with(name: str, default: float) -> tuple[Parameter, ...]:
    return (_X, Parameter(name, "number", default))


def _axis(default: Any = REQUIRED, kind: Kind = "axis") -> tuple[Parameter, ...]:
    return (_X, Parameter("axis", kind, default))


_TABLE: Final = (
    *_rows(each.arithmetic, _PAIR, "add", "subtract", "multiply", "maximum", "minimum"),
    Function("floor_divide", _PAIR, each.integer_division),
    Function("mod", _PAIR, each.integer_division, settled=True),
    Function("power", _PAIR, each.power),
    Function("divide", _PAIR, each.divide),
    Function("arctan2", _PAIR, each.angle),
    *_rows(each.order, _PAIR, "less", "less_equal", "greater", "greater_equal"),
    *_rows(each.equality, _PAIR, "equal", "not_equal"),
    *_rows(each.logical, _PAIR, "logical_and", "logical_or", "logical_xor"),
    *_rows(each.truth, (_X,), "logical_not", "isnan", "isinf", "isfinite"),
    Function("where", (Parameter("condition"), *_PAIR), each.where),
    *_rows(each.same, (_X,), "abs", "zeros_like", "ones_like"),
    Function("negative", (_X,), each.signed),
    *_rows(each.numbers, (_X,), "square", "round", "sign", "relu", "relu6"),
    *_rows(
        each.made_floating,
        (_X,),
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "arcsinh",
        "arccosh",
        "arctanh",
        "floor",
        "ceil",
    ),
    *_rows(
        each.floats,
        (_X,),
        "sigmoid",
        "log_sigmoid",
        "softplus",
        "softsign",
        "silu",
        "selu",
        "hard_sigmoid",
        "hard_silu",
        "hard_tanh",
        "tanh_shrink",
        "rsqrt",
        "erf",
        "erfinv",
    ),
    Function("gelu", (_X, Parameter("approximate", "flag", True)), each.floats),
    *_rows(each.floats, _with("alpha", 1.0), "elu", "celu"),
    Function("leaky_relu", _with("negative_slope", 0.2), each.floats),
    Function("squareplus", _with("b", 4), each.floats),
    *_rows(each.floats, _with("threshold", 0.5), "hard_shrink", "soft_shrink"),
    Function("clip", (_X, Parameter("x_min", "number"), Parameter("x_max", "number")), each.clip),
    Function("cast", (_X, Parameter("dtype", "dtype")), each.cast),
    *_reductions(along.total, "sum"),
    *_rows(along.total, _REDUCED, "prod", joins=along.axes_in),
    *_reductions(along.mean, "mean", "var", "std"),
    *_reductions(along.extreme, "max", "min"),
    *_rows(along.truth, _REDUCED, "any", "all", joins=along.axes_in),
    *_rows(along.place, _PLACE, "argmax", "argmin", joins=along.axes_in),
    Function("logsumexp", _REDUCED, along.logsumexp, settled=True, joins=along.axes_in),
    *_rows(along.normalized, _axis(-1), "softmax", "log_softmax", joins=along.axes_in),
    Function("normalize", _axis(-1), along.normalized, settled=True, joins=along.axes_in),
    *_rows(along.running, _axis(), "cumsum", "cumprod", joins=along.axes_in),
    Function("flip", _axis(kind="axes"), along.along, joins=along.axes_in),
    Function(
        "roll",
        (_X, Parameter("shift", "wholes"), Parameter("axis", "axes")),
        along.roll,
        joins=along.axes_in,
    ),
    Function(
        "concatenate",
        (Parameter("xs", "tensors"), Parameter("axis", "axis", 0)),
        form.concatenate,
        joins=form.joined_axes,
    ),
    Function("stack", (Parameter("x", "tensors"), Parameter("axis", "axis", 0)), form.stack),
    Function("reshape", (_X, Parameter("newshape", "sizes")), form.reshape),
    Function("transpose", (_X, Parameter("axes", "sizes", None)), form.transpose),
    Function(
        "swapaxes", (_X, Parameter("axis1", "axis"), Parameter("axis2", "axis")), form.swapaxes
    ),
    Function("expand_dims", _axis(), form.expand_dims),
    Function("squeeze", _axis(kind="axes"), form.squeeze),
    Function(
        "repeat",
        (_X, Parameter("repeats", "whole"), Parameter("axis", "axis")),
        form.repeat,
        joins=along.axes_in,
    ),
    Function("tile", (_X, Parameter("repeats", "sizes")), form.tile, joins=form.tiled_axes),
    *ARRAYS,
    *_rows(form.triangle, (_X,), "tril", "triu", joins=form.last_two_axes),
    Function(
        "one_hot",
        (
            _X,
            Parameter("num_classes", "whole"),
            Parameter("axis", "axis", -1),
            Parameter("dtype", "dtype", None),
        ),
        form.one_hot,
    ),
    Function("matmul", (Parameter("x1"), Parameter("x2")), products.matmul, products.matmul_cost),
    Function(
        "einsum",
        (Parameter("subscripts", "text"), Parameter("operands", "rest")),
        products.einsum,
        products.einsum_cost,
    ),
    Function(
        "eye",
        (
            Parameter("N", "size"),
            Parameter("M", "size", None),
            Parameter("k", "whole", 0),
            Parameter("dtype", "dtype", None),
        ),
        matrices.eye,
    ),
    Function(
        "arange",
        (
            Parameter("start", "size"),
            Parameter("stop", "size", None),
            Parameter("step", "whole", None),
            Parameter("dtype", "dtype", None),
        ),
        matrices.arange,
    ),
    Function("diag", (_X, Parameter("k", "whole", 0)), matrices.diag, joins=matrices.every_axis),
    Function(
        "gather",
        (_X, Parameter("indices"), Parameter("axis", "axis", 0)),
        matrices.gather,
        joins=matrices.gathered_axis,
    ),
    Function(
        "cosine_similarity",
        (Parameter("x1"), Parameter("x2"), Parameter("axis", "axis", -1)),
        matrices.cosine_similarity,
        settled=True,
        joins=matrices.compared_axis,
    ),
    Function("stop_gradient", (Parameter("variable"),), matrices.stop_gradient),
    Function("len", (_X,), matrices.length, objective=True),
    Function("gradient", (Parameter("y"), _X), matrices.gradient, objective=True),
    Function(
        "random_normal",
        (Parameter("like"), Parameter("mean", "number", 0.0), Parameter("stddev", "number", 1.0)),
        matrices.random,
        objective=True,
    ),
    Function(
        "random_uniform",
        (Parameter("like"), Parameter("minval", "number", 0.0), Parameter("maxval", "number", 1.0)),
        matrices.random,
        objective=True,
    ),
)

FUNCTIONS: Final[dict[str, Function]] = {function.name: function for function in _TABLE}
"""By name."""

OTHER_NAMES: Final = {"take": "gather", "extract_patches": "patches", "conv": "convolve"}
"""The names in `keras.ops` of functions that have a plainer one in formulas: both are accepted."""

SIGNS: Final = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "mod": "%",
    "power": "**",
    "matmul": "@",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "logical_and": "and",
    "logical_or": "or",
    "logical_not": "not",
    "negative": "-",
}
"""Functions that are also written as operators."""

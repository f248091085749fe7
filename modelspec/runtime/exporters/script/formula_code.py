"""Formulas as Keras operations, and those on numbers as Python expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import EllipsisType
from typing import Any, Final

from keras import ops

from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.catalog.formula.tree import (
    Call,
    Choice,
    Constant,
    Index,
    Name,
    Node,
    Result,
    listed,
)
from modelspec.compiler.infer.objective_terms import gradient_depth
from modelspec.runtime.backend.formula_functions import added, structural_similarity

from .python_code import Bracketed, Code, Named, literal

_OPERATORS: Final = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "mod": "%",
    "power": "**",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "logical_and": "and",
    "logical_or": "or",
}
_BUILTINS: Final = ("abs", "round", "min", "max", "minimum", "maximum")


def tensors_code(node: Node, names: Mapping[str, str], dtypes: Mapping[int, str]) -> Code:
    """A formula on tensors; `names` are the variables of the script, `dtypes` the inferred dtypes
    by the `id` of a node.
    """
    if isinstance(node, Constant):
        return literal(node.value)
    if isinstance(node, Name):
        return names[node.name]
    if isinstance(node, Index):
        return f"{tensors_code(node.value, names, dtypes)}[{', '.join(map(_item, node.items))}]"
    if isinstance(node, Result):
        several = _operation(node.value, names, dtypes)
        assert isinstance(several, Bracketed)
        return replace(several, tail=f"[{node.position}]")
    assert isinstance(node, Call)
    found = _operation(node, names, dtypes)
    wanted = dtypes.get(id(node))
    if FUNCTIONS[node.function].settled and wanted is not None:
        return Bracketed("ops.cast(", (found, literal(wanted)), ")")
    return found


def _operation(node: Call, names: Mapping[str, str], dtypes: Mapping[int, str]) -> Code:
    given: dict[str, Code] = {}
    for name, value in node.tensors.items():
        codes = tuple(tensors_code(one, names, dtypes) for one in listed(value))
        given[name] = Bracketed("[", codes, "]") if value is not listed(value)[0] else codes[0]
    for name in FUNCTIONS[node.function].sizes:
        if name in given:
            given[name] = f"ops.shape({given[name]})[0]"
    if node.function == "gradient":
        depth = literal(gradient_depth(node))
        return Bracketed("self.gradient(", (given["y"], given["x"], depth), ")")
    if node.function == "einsum":
        return _einsum(node.settings["subscripts"], given["operands"])
    if node.function == "add" and not _has_number(node):
        return Bracketed(f"{added.__name__}(", (given["x1"], given["x2"]), ")")
    if node.function in _COMPOSED:
        return _COMPOSED[node.function](given, node.settings)
    return _positional_first(node, given)


def _has_number(node: Call) -> bool:
    """Whether a tensor is a number, which every operation of Keras adds correctly."""
    return any(isinstance(one, Constant) for one in node.tensors.values())


def _einsum(subscripts: object, operands: Code) -> Code:
    several = (
        operands.items if isinstance(operands, Bracketed) and operands.head == "[" else (operands,)
    )
    return Bracketed("ops.einsum(", (literal(subscripts), *several), ")")


def _positional_first(node: Call, given: dict[str, Code]) -> Code:
    """The call of a Keras operation: positional tensors first, then settings other than the
    defaults.
    """
    parameters = inspect.signature(getattr(ops, node.function)).parameters
    for name, setting in node.settings.items():
        if name not in parameters or parameters[name].default != setting:
            given[name] = literal(setting)
    first: list[Code] = []
    for name in parameters:
        if name not in node.tensors:
            break
        first.append(given.pop(name))
    return Bracketed(
        f"ops.{node.function}(", (*first, *(Named(name, one) for name, one in given.items())), ")"
    )


def _gather(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
    axis = Named("axis", literal(settings["axis"]))
    return Bracketed("ops.take(", (given["x"], given["indices"], axis), ")")


def _cosine(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
    axis = Named("axis", literal(settings["axis"]))
    first, second = (Bracketed("ops.normalize(", (given[name], axis), ")") for name in ("x1", "x2"))
    return Bracketed("ops.sum(", (Bracketed("ops.multiply(", (first, second), ")"), axis), ")")


def _length(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
    return f"ops.shape({given['x']})[0]"


def _on_images(function: str) -> Callable[[Mapping[str, Code], Mapping[str, Any]], Code]:
    """A call with the axes of images, which otherwise depend on the configuration of Keras."""

    def code(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
        return _with_settings(function, given, {**settings, "data_format": "channels_last"})

    return code


def _similarity(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
    return _with_settings(structural_similarity.__name__, given, settings)


def _with_settings(function: str, given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
    named = (Named(name, literal(one)) for name, one in settings.items())
    return Bracketed(f"{function}(", (*given.values(), *named), ")")


def _random(function: str) -> Callable[[Mapping[str, Code], Mapping[str, Any]], Code]:
    def code(given: Mapping[str, Code], settings: Mapping[str, Any]) -> Code:
        shape = f"ops.shape({given['like']})"
        named = (Named(name, literal(one)) for name, one in settings.items())
        return Bracketed(f"keras.random.{function}(", (shape, *named), ")")

    return code


_COMPOSED: Final[dict[str, Callable[[Mapping[str, Code], Mapping[str, Any]], Code]]] = {
    "convolve": _on_images("ops.conv"),
    "gather": _gather,
    "patches": _on_images("ops.image.extract_patches"),
    "resize": _on_images("ops.image.resize"),
    "ssim": _similarity,
    "cosine_similarity": _cosine,
    "len": _length,
    "random_normal": _random("normal"),
    "random_uniform": _random("uniform"),
}
"""The functions that `keras.ops` does not have under their names."""


def _item(item: int | slice | EllipsisType | None) -> str:
    if item is Ellipsis:
        return "..."
    if not isinstance(item, slice):
        return repr(item)
    start, stop, step = (
        "" if one is None else str(one) for one in (item.start, item.stop, item.step)
    )
    return f"{start}:{stop}" + (f":{step}" if step else "")


def numbers_code(node: Node) -> str:
    """A formula on numbers, with the names `epoch` and `lr`."""
    if isinstance(node, Constant):
        return repr(node.value)
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Choice):
        return (
            f"({numbers_code(node.yes)} if {numbers_code(node.test)} else {numbers_code(node.no)})"
        )
    assert isinstance(node, Call)
    return _on_numbers(node, [numbers_code(one) for one in listed(node.tensors["x"])])


def _on_numbers(node: Call, values: list[str]) -> str:
    if node.function in _OPERATORS:
        return f"({f' {_OPERATORS[node.function]} '.join(values)})"
    if node.function in ("negative", "logical_not"):
        return f"({'-' if node.function == 'negative' else 'not '}{values[0]})"
    if node.function == "square":
        return f"({values[0]} ** 2)"
    if node.function in _BUILTINS:
        return f"{node.function.removesuffix('imum')}({', '.join(values)})"
    return f"{_math(node.function)}({', '.join(values)})"


def _math(function: str) -> str:
    return {"sign": "np.sign"}.get(function, f"math.{function}")

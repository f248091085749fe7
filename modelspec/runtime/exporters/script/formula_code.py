"""Formulas as Keras's own operations, and those on numbers as Python's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import EllipsisType
from typing import Final

from keras import ops

from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.catalog.formula.tree import Call, Choice, Constant, Index, Name, Node, listed

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
    """A formula on tensors; `names` are those of the script, `dtypes` what was inferred, by the
    `id` of a node.
    """
    if isinstance(node, Constant):
        return literal(node.value)
    if isinstance(node, Name):
        return names[node.name]
    if isinstance(node, Index):
        return f"{tensors_code(node.value, names, dtypes)}[{', '.join(map(_item, node.items))}]"
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
    if node.function == "einsum":
        return _einsum(node.settings["subscripts"], given["operands"])
    return _positional_first(node, given)


def _einsum(subscripts: object, operands: Code) -> Code:
    several = (
        operands.items if isinstance(operands, Bracketed) and operands.head == "[" else (operands,)
    )
    return Bracketed("ops.einsum(", (literal(subscripts), *several), ")")


def _positional_first(node: Call, given: dict[str, Code]) -> Code:
    """The call of Keras's operation: tensors without names as far as they come first, then settings
    that are not the defaults.
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
    """A formula on numbers, by the names `epoch` and `lr`."""
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

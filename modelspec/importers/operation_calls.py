"""Calls of operations as steps, from the files of every version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.formula.function_table import FUNCTIONS, OTHER_NAMES
from modelspec.core.registry import snake_case

from .architecture import CallDef, LayerDef
from .composed_operations import composed
from .operation_steps import RESULT, Step, step
from .tensorflow_functions import is_tensorflow, step_of
from .value_forms import plain

OWN = ("name", "dtype", "trainable")
"""Settings of every operation that do not affect its result."""
_FUNCTION_NAMES = {
    "Absolute": "abs",
    "Amax": "max",
    "Amin": "min",
    "Silu": "silu",
    "Relu6": "relu6",
    "Gelu": "gelu",
}
"""Functions whose name is not the snake-case name of the operation."""
_WITH_DTYPE = ("Cast", "OneHot")
"""Operations with `dtype` as an argument."""


def function_name(kind: str) -> str:
    """The name of a Keras operation in a formula."""
    name = _FUNCTION_NAMES.get(kind, snake_case(kind))
    return OTHER_NAMES.get(name, name)


def step_of_call(layer: LayerDef, call: CallDef) -> Any:
    """The step of a call of an operation, or the tensor that it returns unchanged. Raises
    `Unreadable`.
    """
    if is_tensorflow(layer):
        return step_of(layer, call)
    given = _given(layer, call)
    if has_results(layer.kind):
        return step(RESULT, Step(layer.kind, given), layer.result)
    return composed(layer.kind, given, layer.result)


def has_results(kind: str) -> bool:
    """Whether a function of formulas has several results."""
    function = FUNCTIONS.get(function_name(kind))
    return function is not None and bool(function.results)


def _given(layer: LayerDef, call: CallDef) -> dict[str, Any]:
    """Arguments and settings of an operation of Keras 3, tensors as sources."""
    own = [key for key in OWN if key != "dtype" or layer.kind not in _WITH_DTYPE]
    found: dict[str, Any] = {key: value for key, value in layer.config.items() if key not in own}
    return {key: _numbers(one) for key, one in {**found, **call.tensors, **call.options}.items()}


def _numbers(value: Any) -> Any:
    """An array of the file as lists of numbers; all other values as they are."""
    is_array = isinstance(value, Mapping) and value.get("class_name") in _ARRAYS
    return plain(value) if is_array else value


_ARRAYS = ("__numpy__", "__tensor__")

"""Calls of operations as steps of formulas: those that one function of formulas computes, and those
that several compute together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any

from .architecture import Unreadable
from .composed_arithmetic import ARITHMETIC
from .composed_keras import KERAS
from .composed_parts import PARTS
from .composed_shapes import SHAPES
from .operation_steps import FORMULA_HELP, Step

COMPOSED: Mapping[str, Callable[..., Any]] = {**ARITHMETIC, **PARTS, **SHAPES, **KERAS}
SEVERAL = frozenset(
    (
        "ArraySplit",
        "IdentityN",
        "LengthNormalized",
        "Moments",
        "Split",
        "SplitSizes",
        "TopK",
        "Unstack",
    )
)
"""Operations with several results."""
_NO_EFFECT = ("name", "validate_indices", "partition_strategy", "out_type", "dtype_hint")
"""Arguments of some versions that do not affect the result."""
_OTHER_NAMES = {"filter": "filters", "stride": "strides"}
"""Names of arguments that differ between functions that compute the same."""


def composed(kind: str, arguments: Mapping[str, Any], result: int = 0) -> Any:
    """The step of an operation, or the tensor that it returns unchanged. Raises `Unreadable`."""
    build = COMPOSED.get(kind)
    if build is None:
        return Step(kind, arguments)
    names = _parameters(build)
    bound: dict[str, Any] = {}
    rest: list[Any] = []
    for key, value in arguments.items():
        place = int(key or 0) if not key or key.isdecimal() else None
        if place is not None and place >= len(names):
            rest.append(value)
            continue
        name = _OTHER_NAMES.get(key, key) if place is None else names[place]
        if name in names:
            bound[name] = value
        elif name not in _NO_EFFECT and value not in (None, False, 0):
            raise Unreadable(f"its argument `{name[:40]}` is not supported", FORMULA_HELP)
    if kind in SEVERAL:
        bound["result"] = result
    missing = next((name for name in _required(build) if name not in bound), None)
    if missing is not None:
        raise Unreadable(f"its argument `{missing}` is not in the file", FORMULA_HELP)
    first = [bound.pop(name) for name in names[: len(names) if rest else 0]]
    return build(*first, *rest, **bound)


@cache
def _parameters(build: Callable[..., Any]) -> tuple[str, ...]:
    given = signature(build).parameters.values()
    return tuple(one.name for one in given if one.kind is not Parameter.VAR_POSITIONAL)


@cache
def _required(build: Callable[..., Any]) -> tuple[str, ...]:
    given = signature(build).parameters.values()
    return tuple(
        one.name
        for one in given
        if one.default is Parameter.empty and one.kind is not Parameter.VAR_POSITIONAL
    )

"""Calls of layers, models and `keras.Input` as code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .python_code import Bracketed, Code, Named, call, listed, literal

Shape = tuple[int | None, ...]


def called(layer: Bracketed, arguments: tuple[Code, ...]) -> Bracketed:
    """`layers.Dense(4)(x)`: split inside the first brackets if it is long."""
    tail = Bracketed("(", arguments, ")")
    inner = ", ".join(map(str, arguments))
    return Bracketed(
        layer.head, layer.items, layer.close, f"({inner})" if len(arguments) == 1 else str(tail)
    )


def by_name(values: Mapping[str, Code]) -> tuple[Code, ...]:
    """Arguments by their names."""
    return tuple(Named(name, value) for name, value in values.items())


def one_or_list(given: list[Code]) -> Code:
    """A single value unchanged, several as a list."""
    return listed(given) if len(given) > 1 else given[0]


def input_code(name: str, shape: Shape, dtype: str, optional: bool = False) -> Bracketed:
    """`keras.Input(shape=(4,), name="x")`."""
    sizes = (
        {"shape": literal(tuple(shape[1:]))}
        if shape[0] is None
        else {"batch_shape": literal(tuple(shape))}
    )
    options: dict[str, Any] = {"dtype": literal(dtype)} if dtype != "float32" else {}
    return call(
        "keras.Input",
        **sizes,
        **options,
        **({"optional": "True"} if optional else {}),
        name=literal(name),
    )

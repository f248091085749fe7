"""Code that converts arrays of one shape and dtype to another."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.core.shapes import Tensor
from modelspec.runtime.data.adapted_state import tokens

from .call_code import Shape
from .python_code import INDENT, WIDTH, Code, call, listed, statement


def encoded(variable: str, last: Layer, encoding: str) -> Code:
    """The output of the last layer of a target's transform, in the form for the loss."""
    if encoding == "one_hot" and isinstance(last, Lookup) and last.mode == "int":
        return f"keras.utils.to_categorical({variable}, {len(tokens(last))})"
    return variable


def stacked(values: list[Code], stacked: bool) -> Code:
    return call("np.stack", listed(values), axis="-1") if stacked else values[0]


def fits(shape: Shape, wanted: Tensor) -> bool:
    """Whether examples of this shape need no reshape."""
    sizes = wanted.shape[1:]
    return len(shape) == len(sizes) and all(
        one == size or not isinstance(size, int) for one, size in zip(shape, sizes, strict=True)
    )


def typed(variable: str, code: Code, wanted: Tensor, shape: Shape | None) -> list[str]:
    """Lines that give the variable the values of `code` with the shape and dtype of the next step;
    `shape` is that of an example, if it is known.
    """
    sizes = wanted.shape[1:]
    known = tuple(size for size in sizes if isinstance(size, int))
    end = (
        f".reshape({', '.join(map(str, (-1, *known)))})"
        if len(known) == len(sizes) and shape != known
        else ""
    )
    if wanted.dtype != "string":
        end += f'.astype("{"float32" if wanted.dtype == "bfloat16" else wanted.dtype}")'
    if len(f"{INDENT}{variable} = {code}{end}") > WIDTH and end:
        return [*statement(f"{variable} = ", code), f"{INDENT}{variable} = {variable}{end}"]
    if not end:
        return [] if str(code) == variable else statement(f"{variable} = ", code)
    return statement(f"{variable} = ", f"{code}{end}")

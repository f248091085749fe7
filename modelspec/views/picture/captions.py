"""Texts of a picture: shapes, numbers of parameters, what an editor shows of a call."""

from __future__ import annotations

from modelspec.compiler.infer import TypedCall
from modelspec.core.shapes import Tensor, known, product, show_size, total


def shape_text(tensor: Tensor) -> str:
    """`28 x 28 x 1` without the batch axis, and the dtype where it is none of the usual."""
    sizes = " \u00d7 ".join(show_size(size) for size in tensor.shape[1:]) or "scalar"
    return sizes if tensor.dtype.startswith(("float", "bfloat")) else f"{sizes} {tensor.dtype}"


def counted(count: int | None) -> str:
    """A number of parameters with at most three digits and a unit: `1.2 M`."""
    if count is None:
        return "?"
    for least, unit, name in ((10**9, 10**9, " G"), (10**6, 10**6, " M"), (10**4, 10**3, " k")):
        if count >= least:
            return f"{count / unit:.3g}{name}"
    return f"{count:,}"


def parameters_of(layer: TypedCall) -> int | None:
    """How many parameters a call has; None where a size is not known yet."""
    return known(total(product(weight.shape) for weight in layer.weights))


def tip(layer: TypedCall) -> str:
    """More about a call than fits into its box."""
    shapes = ", ".join(shape_text(tensor) for tensor in layer.outputs)
    count = parameters_of(layer)
    written = "?" if count is None else f"{count:,}"
    return f"{layer.name}: {layer.kind}\noutput {shapes}\nparameters {written}"

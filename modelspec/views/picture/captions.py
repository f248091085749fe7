"""Labels of a picture: shapes, numbers of parameters, and the tooltip of a call."""

from __future__ import annotations

from modelspec.compiler.infer import TypedCall
from modelspec.core.shapes import Tensor, known, product, show_size, total


def shape_text(tensor: Tensor) -> str:
    """`28 x 28 x 1` without the batch axis, and the dtype if it is unusual."""
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
    """The number of parameters of a call; None if a size is not known yet."""
    return known(total(product(weight.shape) for weight in layer.weights))


def tip(layer: TypedCall) -> str:
    """Details of a call that do not fit into its box."""
    shapes = ", ".join(shape_text(tensor) for tensor in layer.outputs)
    count = parameters_of(layer)
    written = "?" if count is None else f"{count:,}"
    return f"{layer.name}: {layer.kind}\noutput {shapes}\nparameters {written}"

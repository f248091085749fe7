"""What the layers of normalization share: the size along an axis, and the saved tensors."""

from modelspec.core.shapes import Size, Tensor, needs

from .common import axis_in
from .layer import Layer
from .saved import Saved


def axis_size(layer: Layer, axis: int, x: Tensor) -> Size:
    """The size along the axis, which determines the weights. Raises MS407 if the axis does not
    exist, MS405 if its size is unknown.
    """
    size = x.shape[axis_in(layer, axis, x, "axis")]
    return needs(size, f"the size of axis {axis}", "normalize along an axis of known size")


def wide(x: Tensor) -> Tensor:
    """As Keras normalizes it: in float32, since 16 bits are too few for the sum of squares."""
    return x._replace(dtype="float32") if x.dtype in ("float16", "bfloat16") else x


def normalized(x: Tensor, *own: Tensor) -> Saved:
    """The saved tensors of the normalization of `x`: the input, or its copy in higher precision."""
    copied = wide(x)
    return Saved(own=(copied, *own)) if copied != x else Saved(inputs=True, own=own)

"""Type rules of functions that create, select and compare rows: `eye`, `arange`, `diag`, `gather`,
`cosine_similarity`, `stop_gradient`.
"""

from __future__ import annotations

from typing import Any

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_integer
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, add, show

from .elementwise import Arguments, broadcast
from .operands import combine, need_floats
from .reductions import axis_in


def size_of(call: Arguments, name: str) -> Any:
    """The number of a parameter that takes an integer or `len(x)`: the first size of `x`."""
    given = call.tensors.get(name)
    if given is None:
        return call.settings.get(name)
    assert isinstance(given, Tensor)
    if not given.rank:
        raise Fault("MS401", "`len` takes a tensor with axes, found a scalar", (name,))
    return given.shape[0]


def eye(call: Arguments) -> Tensor:
    """`eye`: a matrix with ones on a diagonal."""
    rows, columns = size_of(call, "N"), size_of(call, "M")
    for name, size in (("N", rows), ("M", columns)):
        if isinstance(size, int) and size < 1:
            raise Fault("MS143", f"`{name}` of `eye` must be at least 1, found {size}", (name,))
    shape = (rows, rows if columns is None else columns)
    return Tensor(shape, call.settings["dtype"] or "float32")


def arange(call: Arguments) -> Tensor:
    """`arange`: consecutive integers."""
    start, stop = size_of(call, "start"), size_of(call, "stop")
    step = call.settings["step"] or 1
    first, last = (0, start) if stop is None else (start, stop)
    dtype = call.settings["dtype"] or "int32"
    if isinstance(first, int) and isinstance(last, int):
        count = len(range(first, last, step))
        if not count:
            raise Fault("MS407", f"no number is left between {first} and {last}", ("start",))
        return Tensor((count,), dtype)
    return Tensor((last if (first, step) == (0, 1) else None,), dtype)


def diag(call: Arguments) -> Tensor:
    """`diag`: the diagonal of a matrix, or a matrix with a vector as its diagonal."""
    shape, offset = call.x.shape, call.settings["k"]
    if call.x.rank == 1:
        size = add(shape[0], abs(offset))
        return Tensor((size, size), call.x.dtype)
    if call.x.rank != 2:
        raise Fault("MS401", f"`diag` takes one or two axes, found {show(shape)}")
    return Tensor((_diagonal(shape, offset),), call.x.dtype)


def _diagonal(shape: Shape, offset: int) -> Size:
    rows, columns = shape
    if isinstance(rows, int) and isinstance(columns, int):
        left = columns - offset if offset > 0 else rows + offset
        found = min(left, rows, columns)
        if found < 1:
            raise Fault("MS407", f"no diagonal {offset} is left of {show(shape)}", ("k",))
        return found
    if PENDING in shape:
        return PENDING
    return add(rows, -abs(offset)) if rows == columns and rows is not None else None


def every_axis(call: Arguments) -> tuple[int, ...]:
    """All axes: `diag` moves elements along each."""
    return tuple(range(call.x.rank))


def gather(call: Arguments) -> Tensor:
    """`gather`: the elements at the indices along an axis."""
    indices = call.tensors["indices"]
    assert isinstance(indices, Tensor)
    if not is_integer(indices.dtype):
        raise Fault(
            "MS404",
            f"the indices of `gather` are integers, found {indices.dtype}",
            ("indices",),
            help="cast them first: `cast(x, 'int32')`",
        )
    (axis,) = gathered_axis(call)
    return Tensor((*call.x.shape[:axis], *indices.shape, *call.x.shape[axis + 1 :]), call.x.dtype)


def gathered_axis(call: Arguments) -> tuple[int, ...]:
    """The axis along which `gather` selects elements."""
    return (axis_in(call, call.settings["axis"], call.x.rank, call.x.shape),)


def cosine_similarity(call: Arguments) -> Tensor:
    """`cosine_similarity`: the cosine of the angle between vectors."""
    first, second = call.pair
    assert isinstance(first, Tensor) and isinstance(second, Tensor)
    for x in (first, second):
        need_floats(call.function, x)
    if first.rank != second.rank:
        raise Fault(
            "MS401",
            f"`cosine_similarity` takes tensors with the same number of axes, found"
            f" {show(first.shape)} and {show(second.shape)}",
            help="add an axis where one is missing: `x[:, None]`",
        )
    (axis,) = compared_axis(call)
    shape = broadcast(call.function, call.pair)
    return Tensor((*shape[:axis], *shape[axis + 1 :]), combine(call.pair))


def compared_axis(call: Arguments) -> tuple[int, ...]:
    """The axis of the vectors that `cosine_similarity` compares."""
    first, _ = call.pair
    assert isinstance(first, Tensor)
    return (axis_in(call, call.settings["axis"], first.rank, first.shape),)


def stop_gradient(call: Arguments) -> Tensor:
    """`stop_gradient`: the same values, through which no gradient flows."""
    found = call.tensors["variable"]
    assert isinstance(found, Tensor)
    return found


# In a term of an objective ------------------------------------------------------------------------


def length(call: Arguments) -> Tensor:
    """`len`: the first size of a tensor, which is the number of examples for axis 0."""
    if not call.x.rank:
        raise Fault("MS401", "`len` takes a tensor with axes, found a scalar")
    return Tensor((), "int32")


def gradient(call: Arguments) -> Tensor:
    """`gradient(y, x)`: the gradient of the sum of `y`, in the shape of `x`."""
    y, x = call.tensors["y"], call.x
    assert isinstance(y, Tensor)
    for one in (y, x):
        need_floats(call.function, one)
    return x


def random(call: Arguments) -> Tensor:
    """`random_normal`, `random_uniform`: random numbers in the shape of `like`."""
    like = call.tensors["like"]
    assert isinstance(like, Tensor)
    need_floats(call.function, like)
    return like

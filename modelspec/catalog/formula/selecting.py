"""Type rules of functions that sort and select elements, and add up groups of them: `sort`,
`top_k`, `take_along_axis`, `segment_sum`.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Fault, listed
from modelspec.core.dtypes import INTS
from modelspec.core.shapes import Tensor, show

from .elementwise import Arguments, broadcast, require_equal
from .operands import need_numbers
from .reductions import axes_in, axis_in


def sort(call: Arguments) -> Tensor:
    """`sort`: the tensor's type."""
    axes_in(call)
    return call.x


def argsort(call: Arguments) -> Tensor:
    """`argsort`: the indices that sort a tensor."""
    axes_in(call)
    return Tensor(call.x.shape, "int32")


def top_k(call: Arguments) -> tuple[Tensor, Tensor]:
    """`top_k`: the largest elements along the last axis, and their indices."""
    need_numbers(call.function, call.x.dtype)
    _need_axes(call, 1)
    size, count = call.x.shape[-1], call.settings["k"]
    if count < 1 or (isinstance(size, int) and count > size):
        raise Fault(
            "MS407",
            f"`top_k` takes the {count} largest of {size} elements: {show(call.x.shape)}",
            ("k",),
            help=f"use a `k` from 1 to {size}" if isinstance(size, int) else "use at least 1",
        )
    shape = (*call.x.shape[:-1], count)
    return Tensor(shape, call.x.dtype), Tensor(shape, "int32")


def last_axis(call: Arguments) -> tuple[int, ...]:
    """The axis along which `top_k` selects elements."""
    return (call.x.rank - 1,)


def take_along_axis(call: Arguments) -> Tensor:
    """`take_along_axis`: for each element of `indices` the element of `x` at this index."""
    x, indices = call.x, call.tensor("indices")
    _need_indices(call, "indices", indices, INTS)
    if x.rank != indices.rank:
        raise Fault(
            "MS401",
            "`take_along_axis` takes indices with the axes of `x`, found"
            f" {show(indices.shape)} for {show(x.shape)}",
            ("indices",),
            help="add an axis where one is missing: `i[:, None]`; or use `gather`",
        )
    axis = axis_in(call, call.settings["axis"], x.rank, x.shape)
    others = (
        Tensor((*one.shape[:axis], 1, *one.shape[axis + 1 :]), one.dtype) for one in (x, indices)
    )
    shape = broadcast(call.function, others)
    return Tensor((*shape[:axis], indices.shape[axis], *shape[axis + 1 :]), x.dtype)


def segment(call: Arguments) -> Tensor:
    """`segment_sum`, `segment_max`: the sum or the maximum of the rows of each group."""
    data, ids = call.tensor("data"), call.tensor("segment_ids")
    need_numbers(call.function, data.dtype)
    _need_indices(call, "segment_ids", ids, ("int32", "int64"))
    if ids.rank != 1 or not data.rank:
        raise Fault(
            "MS401",
            f"`{call.function}` takes one index for each row of `data`, found {show(ids.shape)} for"
            f" {show(data.shape)}",
            ("segment_ids",),
            help="`segment_ids` has one axis, the first axis of `data`",
        )
    require_equal(
        f"the rows of `{call.function}`", data.shape[0], ids.shape[0], data.shape, ids.shape
    )
    count = call.settings["num_segments"]
    if count < 1:
        raise Fault("MS143", f"`num_segments` must be at least 1, found {count}", ("num_segments",))
    return Tensor((count, *data.shape[1:]), data.dtype)


def rows(call: Arguments) -> tuple[int, ...]:
    """The axis along which `segment_sum` adds."""
    return (0,)


def _need_axes(call: Arguments, least: int) -> None:
    if call.x.rank < least:
        raise Fault("MS401", f"`{call.function}` takes a tensor with axes, found a scalar")


def _need_indices(call: Arguments, name: str, indices: Tensor, dtypes: tuple[str, ...]) -> None:
    """Raises MS404 unless the indices have one of the dtypes."""
    if indices.dtype not in dtypes:
        raise Fault(
            "MS404",
            f"`{name}` of `{call.function}` must be {listed(dtypes, 'or')}, found {indices.dtype}",
            (name,),
            help="cast them first: `cast(x, 'int32')`",
        )

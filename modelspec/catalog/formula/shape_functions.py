"""Type rules of functions that join tensors or rearrange their elements: `concatenate`, `reshape`,
`transpose`.
"""

from __future__ import annotations

import re
from math import prod

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_integer
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, may_equal, mul, product, show, total

from .elementwise import BATCH, Arguments, require_equal
from .operands import combine
from .reductions import axes_in, axis_in

# Joining -----------------------------------------------------------------------------------------


def concatenate(call: Arguments) -> Tensor:
    """`concatenate`: joins tensors along an axis."""
    tensors = call.several("xs")
    first = tensors[0]
    along = axis_in(call, call.settings["axis"], first.rank, first.shape)
    for other in tensors[1:]:
        _need_rank(call, first, other)
        for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            if axis != along:
                require_equal(f"axis {axis} of `{call.function}`", a, b, first.shape, other.shape)
    sizes = tuple(best_known(sizes) for sizes in zip(*(x.shape for x in tensors), strict=True))
    joined = total(x.shape[along] for x in tensors)
    return Tensor((*sizes[:along], joined, *sizes[along + 1 :]), combine(tensors))


def joined_axes(call: Arguments) -> tuple[int, ...]:
    """The axis along which `concatenate` joins tensors."""
    first = call.several("xs")[0]
    return (axis_in(call, call.settings["axis"], first.rank, first.shape),)


def stack(call: Arguments) -> Tensor:
    """`stack`: joins tensors along a new axis."""
    tensors = call.several("x")
    first = tensors[0]
    for other in tensors[1:]:
        _need_rank(call, first, other)
        for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            require_equal(f"axis {axis} of `{call.function}`", a, b, first.shape, other.shape)
    along = axis_in(call, call.settings["axis"], first.rank + 1, first.shape)
    sizes = tuple(best_known(sizes) for sizes in zip(*(x.shape for x in tensors), strict=True))
    return Tensor((*sizes[:along], len(tensors), *sizes[along:]), combine(tensors))


def _need_rank(call: Arguments, first: Tensor, other: Tensor) -> None:
    if first.rank != other.rank:
        raise Fault(
            "MS401",
            f"`{call.function}` takes tensors with the same number of axes, found"
            f" {show(first.shape)} and {show(other.shape)}",
            help="add an axis where one is missing: `x[:, None]`",
        )


def best_known(sizes: tuple[Size, ...]) -> Size:
    """The most specific of equal sizes: a number, else a name."""
    for size in sizes:
        if isinstance(size, int):
            return size
    named = (size for size in sizes if size not in (None, PENDING))
    return next(named, sizes[0])


# Moving -----------------------------------------------------------------------------------------


def reshape(call: Arguments) -> Tensor:
    """`reshape`: new axes with the same elements; `-1` is inferred."""
    x, sizes = call.x, call.settings["newshape"]
    if list(sizes).count(-1) > 1 or any(size < 1 and size != -1 for size in sizes):
        raise Fault(
            "MS406",
            "`newshape` must be a list of sizes of at least 1, one of which may be -1",
            ("newshape",),
        )
    follows = _following(x.shape, sizes)
    if follows == 0:
        raise Fault(
            "MS406",
            f"{show(x.shape)} cannot be reshaped to ({', '.join(map(str, sizes))})",
            ("newshape",),
            help=(
                "the first size is the batch: write -1 there, followed by sizes that multiply"
                " to the same number of elements"
            ),
        )
    return Tensor(tuple(follows if size == -1 else size for size in sizes), x.dtype)


def _following(shape: Shape, sizes: tuple[int, ...]) -> Size:
    """The size inferred for -1 in a new shape (arbitrary without -1); 0 if the elements do
    not fit.
    """
    factors = [factor for size in shape for factor in _factors(size)]
    unknown = tuple(size for size in factors if not isinstance(size, int))
    if PENDING in unknown:
        return PENDING
    if None in unknown:
        return None
    given = prod(size for size in factors if isinstance(size, int))
    wanted = abs(prod(sizes))  # -1 only changes the sign
    if -1 not in sizes:
        return 1 if not unknown and given == wanted else 0
    if given % wanted == 0:
        return product((*unknown, given // wanted))
    # A named size may be divisible once it is known; the batch size is never guaranteed to be.
    return 0 if set(unknown) <= {BATCH} else None


def _factors(size: Size) -> tuple[Size, ...]:
    """A size that was multiplied by a number as the size and the number."""
    found = _MULTIPLE.fullmatch(size) if isinstance(size, str) else None
    return (size,) if found is None else (found[1], int(found[2]))


_MULTIPLE = re.compile(r"(\w+) \* (\d+)")


def transpose(call: Arguments) -> Tensor:
    """`transpose`: the axes in a different order; reversed by default."""
    axes, shape = call.settings["axes"], call.x.shape
    if axes is None:
        return Tensor(shape[::-1], call.x.dtype)
    found = axes_in(call, "axes")
    if len(found) != len(shape):
        raise Fault(
            "MS407",
            f"`transpose` names {len(found)} axes, but there are {len(shape)}: {show(shape)}",
            ("axes",),
            help="name every axis once; axis 0 is the batch",
        )
    return Tensor(tuple(shape[axis] for axis in found), call.x.dtype)


def swapaxes(call: Arguments) -> Tensor:
    shape = list(call.x.shape)
    a, b = (
        axis_in(call, call.settings[name], len(shape), call.x.shape, name)
        for name in ("axis1", "axis2")
    )
    shape[a], shape[b] = shape[b], shape[a]
    return Tensor(tuple(shape), call.x.dtype)


def expand_dims(call: Arguments) -> Tensor:
    axis = axis_in(call, call.settings["axis"], call.x.rank + 1, call.x.shape)
    return Tensor((*call.x.shape[:axis], 1, *call.x.shape[axis:]), call.x.dtype)


def squeeze(call: Arguments) -> Tensor:
    """`squeeze`: removes axes of size 1."""
    gone, shape = axes_in(call), call.x.shape
    for axis in gone:
        if shape[axis] == BATCH or not may_equal(shape[axis], 1):
            raise Fault(
                "MS403",
                f"axis {axis} does not have size 1: {show(shape)}",
                ("axis",),
                help="only axes of size 1 can be removed; select one element with `x[:, 0]`",
            )
    return Tensor(tuple(size for axis, size in enumerate(shape) if axis not in gone), call.x.dtype)


def repeat(call: Arguments) -> Tensor:
    """`repeat`: repeats each element along an axis."""
    axis = axis_in(call, call.settings["axis"], call.x.rank, call.x.shape)
    shape = list(call.x.shape)
    shape[axis] = mul(shape[axis], call.settings["repeats"])
    return Tensor(tuple(shape), call.x.dtype)


def tile(call: Arguments) -> Tensor:
    """`tile`: repeats the whole tensor along axes."""
    shape, repeats = call.x.shape, call.settings["repeats"]
    if len(repeats) > len(shape) or min(repeats, default=1) < 1:
        raise Fault(
            "MS406",
            f"`repeats` must contain a number of at least 1 for each axis of {show(shape)}",
            ("repeats",),
            help="write 1 for an axis that is not repeated, such as the batch: `[1, 3]`",
        )
    counts = (*(1,) * (len(shape) - len(repeats)), *repeats)
    return Tensor(tuple(map(mul, shape, counts)), call.x.dtype)


def tiled_axes(call: Arguments) -> tuple[int, ...]:
    """The axes along which `tile` repeats a tensor."""
    repeats = call.settings["repeats"]
    first = call.x.rank - len(repeats)  # as in NumPy, the last axes if there are fewer numbers
    return tuple(axis for axis, count in enumerate(repeats, first) if count > 1)


def triangle(call: Arguments) -> Tensor:
    """`tril`, `triu`: a matrix with one side of its diagonal 0."""
    if call.x.rank < 2:
        raise Fault("MS401", f"`{call.function}` takes at least 2 axes, found {show(call.x.shape)}")
    return call.x


def last_two_axes(call: Arguments) -> tuple[int, ...]:
    """The axes whose positions determine what `tril` and `triu` keep."""
    return (call.x.rank - 2, call.x.rank - 1)


def one_hot(call: Arguments) -> Tensor:
    """`one_hot`: a new axis with a 1 at the index, and 0 elsewhere."""
    x, classes, axis = call.x, call.settings["num_classes"], call.settings["axis"]
    if not is_integer(x.dtype):
        raise Fault(
            "MS404",
            f"`one_hot` takes class indices, which are integers, found {x.dtype}",
            help="cast them first: `cast(x, 'int32')`",
        )
    if classes < 1:
        raise Fault("MS143", f"`num_classes` must be at least 1, found {classes}", ("num_classes",))
    if not -1 <= axis < x.rank:
        raise Fault(
            "MS407",
            f"`one_hot` cannot add axis {axis} to {show(x.shape)}",
            ("axis",),
            help=f"use -1, or an axis from 0 to {x.rank - 1}",
        )
    along = x.rank if axis == -1 else axis
    return Tensor(
        (*x.shape[:along], classes, *x.shape[along:]), call.settings["dtype"] or "float32"
    )

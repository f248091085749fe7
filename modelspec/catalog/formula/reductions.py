"""Type rules of operations along axes: sums and means, `argmax`, `softmax`, cumulative sums."""

from __future__ import annotations

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, show

from .elementwise import Arguments
from .operands import floating, need_floats

_WIDER = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
"""The dtypes of sums of small integers."""


def axis_in(call: Arguments, axis: int, rank: int, shape: Shape, name: str = "axis") -> int:
    """The axis counted from 0. Raises MS407 if it does not exist."""
    if -rank <= axis < rank:
        return axis % rank
    axes = f"{rank} axes" if rank != 1 else "one axis"
    raise Fault(
        "MS407",
        (
            f"`{call.function}` has axis {axis}, but there is {axes}: {show(shape)}"
            if rank == 1
            else f"`{call.function}` has axis {axis}, but there are {axes}: {show(shape)}"
        ),
        (name,),
        help=(
            f"use an axis from {-rank} to {rank - 1}; axis 0 is the batch"
            if rank
            else "leave it out"
        ),
    )


def axes_in(call: Arguments, name: str = "axis") -> tuple[int, ...]:
    """The axes counted from 0; all axes by default. Raises MS407."""
    given, shape = call.settings[name], call.x.shape
    if given is None:
        return tuple(range(len(shape)))
    axes = given if isinstance(given, tuple) else (given,)
    found = tuple(axis_in(call, axis, len(shape), shape, name) for axis in axes)
    if len(set(found)) < len(found):
        raise Fault("MS407", f"`{call.function}` names an axis twice: {show(shape)}", (name,))
    return found


def _reduced(call: Arguments) -> Shape:
    gone, keep = axes_in(call), call.settings["keepdims"]
    return tuple(
        1 if axis in gone else size
        for axis, size in enumerate(call.x.shape)
        if keep or axis not in gone
    )


def total(call: Arguments) -> Tensor:
    """`sum`, `prod`: small integers in 32 bits."""
    return Tensor(_reduced(call), _WIDER.get(call.x.dtype, call.x.dtype))


def mean(call: Arguments) -> Tensor:
    """`mean`, `var`, `std`: floating point."""
    return Tensor(_reduced(call), floating(call.x.dtype))


def extreme(call: Arguments) -> Tensor:
    """`max`, `min`: the dtype itself."""
    return Tensor(_reduced(call), call.x.dtype)


def truth(call: Arguments) -> Tensor:
    """`any`, `all`."""
    return Tensor(_reduced(call), "bool")


def place(call: Arguments) -> Tensor:
    """`argmax`, `argmin`: an index."""
    return Tensor(_reduced(call), "int32")


def logsumexp(call: Arguments) -> Tensor:
    need_floats(call.function, call.x)
    return Tensor(_reduced(call), call.x.dtype)


def normalized(call: Arguments) -> Tensor:
    """`softmax`, `normalize`: the tensor's type; floating point."""
    need_floats(call.function, call.x)
    axes_in(call)
    return call.x


def running(call: Arguments) -> Tensor:
    """`cumsum`, `cumprod`."""
    axes_in(call)
    return Tensor(call.x.shape, "int32" if call.x.dtype == "bool" else call.x.dtype)


def along(call: Arguments) -> Tensor:
    """`flip`, `roll`: the tensor's type; the axis exists."""
    axes_in(call)
    return call.x


def roll(call: Arguments) -> Tensor:
    """`roll`: the tensor's type; one shift for each axis."""
    shift, axis = call.settings["shift"], call.settings["axis"]
    if isinstance(axis, tuple) != isinstance(shift, tuple) or (
        isinstance(axis, tuple) and len(axis) != len(shift)
    ):
        raise Fault(
            "MS143",
            "`roll` takes one shift for each axis",
            ("shift",),
            help="write e.g. `roll(x, [1, 2], axis=[1, 2])`",
        )
    return along(call)

"""Type rules of elementwise operations (arithmetic, comparisons, functions); broadcasting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float, is_integer
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, may_equal, show

from .operands import Operand, check_fits, combine, floating, need_floats, need_numbers, shape
from .tree import Constant

BATCH: Final = "batch"
"""The size of the batch axis: unknown, and different from all other sizes."""
_BATCH = re.compile(rf"\b{BATCH}\b")


class Arguments(NamedTuple):
    """The arguments of a function call."""

    function: str
    tensors: Mapping[str, Operand | tuple[Operand, ...]]
    settings: Mapping[str, Any]

    @property
    def x(self) -> Tensor:
        """The single tensor."""
        found = self.tensors["x"]
        assert isinstance(found, Tensor)
        return found

    @property
    def pair(self) -> tuple[Operand, ...]:
        """The tensors and numbers, one for each parameter."""
        return tuple(one for one in self.tensors.values() if isinstance(one, (Tensor, Constant)))

    def tensor(self, name: str) -> Tensor:
        """The tensor of a parameter."""
        found = self.tensors[name]
        assert isinstance(found, Tensor)
        return found

    def several(self, name: str) -> tuple[Tensor, ...]:
        """The tensors of a parameter that takes a list."""
        found = self.tensors[name]
        assert isinstance(found, tuple)
        return tuple(one for one in found if isinstance(one, Tensor))


# Shapes -----------------------------------------------------------------------------------------


def broadcast(function: str, operands: Iterable[Operand]) -> Shape:
    """The shape of an elementwise operation, aligned at the last axis; axes of size 1 are
    broadcast.

    Raises MS403 or MS409 if sizes differ, or if the batch would be broadcast against another axis.
    """
    return reduce(lambda a, b: _broadcast(function, a, b), (shape(x) for x in operands))


def _broadcast(function: str, first: Shape, second: Shape) -> Shape:
    rank = max(len(first), len(second))
    a, b = ((1,) * (rank - len(one)) + one for one in (first, second))
    return tuple(_meet(function, x, y, first, second) for x, y in zip(a, b, strict=True))


def _meet(function: str, a: Size, b: Size, first: Shape, second: Shape) -> Size:
    """The size of an axis of two tensors after broadcasting."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    require_equal(f"`{function}`", a, b, first, second)
    if isinstance(a, int) or isinstance(b, int):  # the other is this or 1
        return a if isinstance(a, int) else b
    return PENDING if PENDING in (a, b) else None


def require_equal(what: str, a: Size, b: Size, first: Shape, second: Shape) -> None:
    """Raises MS403 if two sizes differ, or only one is the batch size; MS409 for two names."""
    shapes = f"{show(first)} and {show(second)}"
    if a != b and (of_batch(a) or of_batch(b)) and PENDING not in (a, b):
        other = b if of_batch(a) else a
        raise Fault(
            "MS403",
            f"{what} would combine the batch axis with {_size_text(other)}: {shapes}",
            help="axes are aligned at the last one; add an axis where one is missing: `x[:, None]`",
        )
    if may_equal(a, b):
        return
    if isinstance(a, str) and isinstance(b, str):
        raise Fault(
            "MS409",
            f"sizes `{a}` and `{b}` of {what} may differ: {shapes}",
            help=f"name both sizes `{a}` in `inputs` if they are always equal",
        )
    raise Fault(
        "MS403",
        f"sizes {a} and {b} of {what} differ: {shapes}",
        help="make the sizes equal, or one of them 1",
    )


def _size_text(size: Size) -> str:
    if size is None:
        return "an unknown size"
    return f"`{size}`" if isinstance(size, str) else f"a size of {size}"


def of_batch(size: Size) -> bool:
    """Whether a size is the batch size, or derived from it (`batch * 2`)."""
    return isinstance(size, str) and _BATCH.search(size) is not None


# Dtypes -----------------------------------------------------------------------------------------


def arithmetic(call: Arguments) -> Tensor:
    """`+`, `-`, `*`, `maximum`: the common dtype of both."""
    dtype = combine(call.pair)
    need_numbers(call.function, dtype)
    return Tensor(broadcast(call.function, call.pair), dtype)


def integer_division(call: Arguments) -> Tensor:
    """`//` and `%`: integers cannot be divided by a plain zero."""
    found, second = arithmetic(call), call.pair[1]
    if isinstance(second, Constant) and second.value == 0 and not is_float(found.dtype):
        raise Fault("MS145", "division by zero", part=second.place)
    return found


def power(call: Arguments) -> Tensor:
    """`**`: integers cannot be raised to a negative power."""
    found, second = arithmetic(call), call.pair[1]
    if isinstance(second, Constant) and second.value < 0 and is_integer(found.dtype):
        raise Fault(
            "MS404",
            f"integers cannot be raised to the power of {second.value:g}",
            part=second.place,
            help="cast them first: `cast(x, 'float32')`",
        )
    return found


def divide(call: Arguments) -> Tensor:
    """`/`: always floating point."""
    return Tensor(broadcast(call.function, call.pair), floating(combine(call.pair)))


def order(call: Arguments) -> Tensor:
    """`<`, `>=`: numbers only."""
    need_numbers(call.function, combine(call.pair))
    return Tensor(broadcast(call.function, call.pair), "bool")


def equality(call: Arguments) -> Tensor:
    """`==`, `!=`."""
    combine(call.pair)
    return Tensor(broadcast(call.function, call.pair), "bool")


def logical(call: Arguments) -> Tensor:
    """`and`, `or`: numbers are true unless they are 0."""
    return Tensor(broadcast(call.function, call.pair), "bool")


def where(call: Arguments) -> Tensor:
    """`where`: elements of the second if the first is true, else of the third."""
    return Tensor(broadcast(call.function, call.pair), combine(call.pair[1:]))


def same(call: Arguments) -> Tensor:
    """The type of the tensor itself."""
    return call.x


def numbers(call: Arguments) -> Tensor:
    """The type of the tensor, which must be numeric."""
    need_numbers(call.function, call.x.dtype)
    return call.x


def signed(call: Arguments) -> Tensor:
    """The type of the tensor, which must be signed."""
    if call.x.dtype.startswith("u"):
        raise Fault(
            "MS404",
            f"`{call.function}` takes signed numbers, found {call.x.dtype}",
            help="cast them first: `cast(x, 'int32')`",
        )
    return numbers(call)


def angle(call: Arguments) -> Tensor:
    """`arctan2`: floating point; integers are converted."""
    found = arithmetic(call)
    return Tensor(found.shape, floating(found.dtype))


def floats(call: Arguments) -> Tensor:
    """The type of the tensor, which must be floating point."""
    need_floats(call.function, call.x)
    return call.x


def made_floating(call: Arguments) -> Tensor:
    """Floating point; integers are converted."""
    return Tensor(call.x.shape, floating(call.x.dtype))


def truth(call: Arguments) -> Tensor:
    """A boolean for each element."""
    return Tensor(call.x.shape, "bool")


def clip(call: Arguments) -> Tensor:
    """The tensor's type; the bounds are numbers of its dtype."""
    need_numbers(call.function, call.x.dtype)
    low, high = call.settings["x_min"], call.settings["x_max"]
    for name, bound in (("x_min", low), ("x_max", high)):
        if not is_float(call.x.dtype) and isinstance(bound, float):
            raise Fault(
                "MS404",
                f"`clip` of {call.x.dtype} takes integers, found {bound:g}",
                (name,),
                help="write integers, or cast the tensor first: `cast(x, 'float32')`",
            )
        check_fits(Constant(bound, (0, 0)), call.x.dtype)
    if low > high:
        raise Fault("MS143", f"`x_min` of `clip` is {low:g}, above `x_max`, {high:g}", ("x_min",))
    return call.x


def cast(call: Arguments) -> Tensor:
    """The same shape in another dtype."""
    return Tensor(call.x.shape, call.settings["dtype"])

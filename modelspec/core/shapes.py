"""Sizes that are known, unknown and named, and their arithmetic: the only place that handles an
unknown size.

A size is a number of entries along an axis: an `int`; `None` where nothing is known; a `str` where
it has a name (`"time"`) or depends on one (`"time // 2"`): unknown too, but equal strings are equal
sizes; or `PENDING`, which is known once the data is read (`auto`). A
shape is a tuple of sizes whose first entry is the batch axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import reduce
from typing import Final, Literal, TypeAlias

from .diagnostics import Fault
from .records import NamedTuple

Size: TypeAlias = int | str | None
Shape: TypeAlias = tuple[Size, ...]
Padding: TypeAlias = Literal["valid", "same", "causal", "full"]

PENDING = "?"
LONGEST_NAME: Final = 200
"""The most characters of a size that depends on named ones; a longer one is unknown."""
MAX_AXES = 16


class Tensor(NamedTuple):
    """The type of a tensor: its shape, batch axis first, and its dtype by Keras's name."""

    shape: Shape
    dtype: str

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __str__(self) -> str:
        return f"{show(self.shape)} {self.dtype}"


def show(shape: Shape) -> str:
    """The shape as messages show it: `(batch, 28, 28, 1)`."""
    sizes = [
        "batch" if axis == 0 and size is None else show_size(size)
        for axis, size in enumerate(shape)
    ]
    return f"({', '.join(sizes)})"


def show_size(size: Size) -> str:
    return "unknown" if size is None else str(size)


def known(size: Size) -> int | None:
    """The size where it is a number."""
    return size if isinstance(size, int) else None


def needs(size: Size, what: str, help: str, *, argument: str | None = None) -> Size:
    """The size, which must be known when the layer is built (or PENDING); otherwise MS405."""
    if isinstance(size, int) or size == PENDING:
        return size
    named = f"`{size}`" if size else "unknown"
    raise Fault(
        "MS405",
        f"{what} is {named}, but must be known to build the layer",
        help=help,
        argument=argument,
    )


# Arithmetic ---------------------------------------------------------------------------------------


def add(a: Size, b: int) -> Size:
    """a + b; b may be negative."""
    if isinstance(a, int):
        return a + b
    if a is None or a == PENDING or b == 0:
        return a
    return _plus(a, b)


def _plus(text: str, b: int) -> str | None:
    """`text + b`, with a trailing constant folded in: `time - 2` plus 1 is `time - 1`."""
    match = re.fullmatch(r"(.*\S) ([+-]) (\d+)", text)
    if match and _balanced(match[1]):
        text, b = match[1], b + int(match[2] + match[3])
    return text if b == 0 else _named(f"{text} {'+' if b > 0 else '-'} {abs(b)}")


def _named(text: str) -> str | None:
    """A size that depends on named ones; unknown once it is too long to read, as it would grow with
    every layer.
    """
    return text if len(text) <= LONGEST_NAME else None


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")")


def _group(text: str) -> str:
    return f"({text})" if " " in text else text


def mul(a: Size, b: Size) -> Size:
    """a * b; unknown times zero is zero."""
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if a == 0 or b == 0:
        return 0
    if a == 1:
        return b
    if b == 1:
        return a
    if a == PENDING or b == PENDING:
        return PENDING
    if a is None or b is None:
        return None
    first, second = (b, a) if isinstance(a, int) else (a, b)  # the name first: `time * 16`
    return _named(f"{_group(str(first))} * {_group(str(second))}")


def floordiv(a: Size, b: int) -> Size:
    """a // b for b >= 1."""
    if isinstance(a, int):
        return a // b
    if a is None or a == PENDING or b == 1:
        return a
    return _named(f"{_group(a)} // {b}")


def ceildiv(a: Size, b: int) -> Size:
    """a / b rounded up, for b >= 1."""
    return floordiv(add(a, b - 1), b) if b != 1 else a


def total(sizes: Iterable[Size]) -> Size:
    """The sum."""
    result: Size = 0
    for size in sizes:
        both = type(result) is int and type(size) is int  # most often, and of thousands of weights
        result = result + size if both else plus(result, size)  # type: ignore[operator]  # as above
    return result


def plus(a: Size, b: Size) -> Size:
    """a + b where both may be unknown."""
    if isinstance(b, int):
        return add(a, b)
    if isinstance(a, int):
        return add(b, a)
    if a == PENDING or b == PENDING:
        return PENDING
    if a is None or b is None:
        return None
    return _named(f"{a} + {b}")


def product(sizes: Iterable[Size]) -> Size:
    """The product; of nothing, 1. Numbers are multiplied first: `time * 56`, not `(time * 7) *
    8`.
    """
    numbers, named = 1, list[Size]()
    for size in sizes:
        if isinstance(size, int):
            numbers *= size
        else:
            named.append(size)
    return mul(reduce(mul, named), numbers) if named else numbers


# Windows ------------------------------------------------------------------------------------------


def window(size: Size, kernel: int, stride: int, padding: str, dilation: int = 1) -> Size:
    """How many places a window of `kernel` entries has along an axis (convolution and pooling).

    `valid`: only where it fits whole; `same` and `causal`: one for every `stride` entries. The
    result may be zero or negative where the window does not fit; the caller reports that.
    """
    if padding in ("same", "causal"):
        return ceildiv(size, stride)
    reach = dilation * (kernel - 1) + 1
    # (size - reach) // stride + 1 in one step, so that pooling by 2 makes `time // 2` of `time`.
    # Python floors a negative number, so "does not fit" is any result below 1.
    return floordiv(add(size, stride - reach), stride)


def same_padding(size: Size, kernel: int, stride: int) -> tuple[int, int]:
    """How many entries `padding: same` adds before and after an axis; for an unknown size, as for a
    multiple of stride.

    The last window begins `stride` entries before the end, or as many as are left over, and ends
    past it.
    """
    more = max(kernel - ((known(size) or 0) % stride or stride), 0)
    return more // 2, more - more // 2


def transposed(
    size: Size,
    kernel: int,
    stride: int,
    padding: str,
    dilation: int = 1,
    output_padding: int | None = None,
) -> Size:
    """The length of a transposed convolution's output along an axis, as Keras's `Conv*Transpose`
    layers define it.
    """
    reach = dilation * (kernel - 1) + 1
    if output_padding is None:
        return (
            mul(size, stride)
            if padding == "same"
            else add(mul(size, stride), max(reach - stride, 0))
        )
    pad = reach // 2 if padding == "same" else 0
    return add(mul(add(size, -1), stride), reach - 2 * pad + output_padding)


# Agreement ----------------------------------------------------------------------------------------


def may_equal(a: Size, b: Size) -> bool:
    """Whether two sizes can be the same number: always where one of them is unknown, except for two
    different names.
    """
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    if is_name(a) and is_name(b):
        return a == b
    return True


def is_name(size: Size) -> bool:
    """Whether it is a named size of the spec, not one that depends on it."""
    return isinstance(size, str) and size.isidentifier()


def join(a: Size, b: Size) -> Size:
    """The better known of two sizes that may be equal."""
    if isinstance(a, int):
        return a
    if isinstance(b, int):
        return b
    if a is None or a == PENDING:
        return b if b is not None else a
    return a


def broadcast(a: Size, b: Size) -> Size:
    """The size of an elementwise operation along one axis: 1 stretches. Sizes must be broadcastable
    (`broadcasts`).
    """
    if a == 1:
        return b
    if b == 1:
        return a
    return join(a, b)


def broadcasts(a: Size, b: Size) -> bool:
    return a == 1 or b == 1 or may_equal(a, b)


def erase(shape: Shape) -> tuple[int | None, ...]:
    """The shape for Keras, where a named size is unknown."""
    return tuple(known(size) for size in shape)

"""The size of tensors in bytes, for any batch size."""

from __future__ import annotations

from typing import NamedTuple

from modelspec.core.dtypes import bytes_each
from modelspec.core.shapes import PENDING, Size, Tensor, show_size


class Bytes(NamedTuple):
    """A number of bytes as a function of the batch size."""

    fixed: int = 0
    """Independent of the batch size."""
    each: int = 0
    """Additional bytes per example."""

    def at(self, batch_size: int) -> int:
        return self.fixed + self.each * batch_size

    def plus(self, other: Bytes) -> Bytes:
        return Bytes(self.fixed + other.fixed, self.each + other.each)

    def times(self, count: int) -> Bytes:
        return Bytes(self.fixed * count, self.each * count)


class UnknownSize(Exception):
    """A required size is not a number: the message names it."""


def bytes_of(tensor: Tensor, what: str) -> Bytes:
    """The size of a tensor; an unknown first size is that of the batch.

    Raises `UnknownSize`, with `what` as the subject of its message.
    """
    batched = bool(tensor.shape) and tensor.shape[0] is None
    count = bytes_each(tensor.dtype)
    for size in tensor.shape[1 if batched else 0 :]:
        if not isinstance(size, int):
            raise UnknownSize(f"{what} depends on {_unknown(size)}")
        count *= size
    return Bytes(each=count) if batched else Bytes(fixed=count)


def steps(size: Size, what: str) -> int:
    """A number of steps. Raises `UnknownSize`."""
    if isinstance(size, int):
        return size
    raise UnknownSize(f"how often {what} runs depends on {_unknown(size)}")


def _unknown(size: Size) -> str:
    if size is None:
        return "a size that is not known"
    if size == PENDING:
        return "a size that follows from the data"
    return f"`{show_size(size)}`, which is not known"

"""Whether a backbone accepts the tensors of a call."""

from __future__ import annotations

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Size, Tensor, show

from .backbone import MASK, InputOf


def check_type(kind: str, expected: InputOf, x: Tensor) -> None:
    """Raises `Fault`: MS401, MS403, MS404 if the backbone does not take a tensor of this type."""
    name = expected.name
    if x.rank != len(expected.shape):
        raise Fault(
            "MS401",
            f"`{name}` of `{kind}` has {len(expected.shape)} axes (including the"
            f" batch axis), found {x.rank}: {show(x.shape)}",
            argument=name,
        )
    for wanted, size in zip(expected.shape[1:], x.shape[1:], strict=True):
        if wanted is not None and isinstance(size, int) and size != wanted:
            raise Fault(
                "MS403",
                f"`{name}` of `{kind}` is {show(expected.shape)}, found {show(x.shape)}",
                argument=name,
                help="resize the images first, e.g. with `Resizing`" if name == "images" else None,
            )
    whole = x.dtype.startswith(("int", "uint")) or (x.dtype == "bool" and name == MASK)
    if expected.dtype == "int32" and not whole:
        raise Fault(
            "MS404",
            f"`{name}` of `{kind}` takes integers, found {x.dtype}",
            argument=name,
            help="give the input `dtype: int32`",
        )
    if expected.dtype != "int32" and x.dtype == "string":
        raise Fault(
            "MS404",
            f"`{name}` of `{kind}` takes numbers, found {x.dtype}",
            argument=name,
        )


def check_length(kind: str, name: str, x: Tensor, longest: int) -> None:
    """Raises MS555 for more tokens than the backbone has positions."""
    length = x.shape[1]
    if isinstance(length, int) and length > longest:
        raise Fault(
            "MS555",
            f"`{name}` has {length:,} tokens, and `{kind}` has positions for {longest:,}",
            argument=name,
            help=f"use sequences of at most {longest:,} tokens",
        )


def check_same(kind: str, name: str, x: Tensor, sizes: dict[int, tuple[str, Size]]) -> None:
    """Raises MS403 if two tensors of a call have different lengths."""
    for axis, size in enumerate(x.shape):
        other, first = sizes.setdefault(axis, (name, size))
        if isinstance(size, int) and isinstance(first, int) and size != first:
            raise Fault(
                "MS403",
                f"`{other}` and `{name}` of `{kind}` must have the same shape, found"
                f" {first} and {size} in axis {axis}",
                argument=name,
            )

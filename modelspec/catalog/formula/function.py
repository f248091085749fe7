"""A function of formulas: its parameters and its type rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size, Tensor

from .elementwise import Arguments

Result: TypeAlias = Tensor | tuple[Tensor, ...]
Kind: TypeAlias = Literal[
    "tensor",
    "operand",
    "tensors",
    "pair",
    "rest",
    "axis",
    "axes",
    "flag",
    "number",
    "whole",
    "size",
    "wholes",
    "sizes",
    "pairs",
    "dtype",
    "text",
]
"""The kinds of parameters: a tensor; a tensor or a number; a list of tensors; the real and the
imaginary part of complex numbers; all remaining tensors; or a constant. A `size` is an integer, or
the tensor of `len(x)`; `wholes` are an integer or a list of them.
"""
OF_TENSORS: Final = ("tensor", "operand", "tensors", "pair", "rest")
REQUIRED: Final = object()
COMPLEX: Final = ("the real part", "the imaginary part")
"""The results of a function that gives complex numbers."""


class Parameter(NamedTuple):
    """One parameter of a function."""

    name: str
    kind: Kind = "tensor"
    default: Any = REQUIRED
    nullable: bool = False
    """Whether `None` may be written, although it is not the default."""


class Function(NamedTuple):
    """One function of `keras.ops`."""

    name: str
    parameters: tuple[Parameter, ...]
    rule: Callable[[Arguments], Result]
    """The type of the result, or of each of several. Raises `Fault`."""
    cost: Callable[[Arguments], Size] | None = None
    """Multiply-adds; None if they are not counted."""
    settled: bool = False
    """Whether Keras reports a different dtype than the operation gives: the result is then cast to
    the dtype of the rule.
    """
    joins: Callable[[Arguments], tuple[int, ...]] | None = None
    """The axes along which elements are combined or moved; None if the operation is elementwise, or
    is handled in `across_batch.py`.
    """
    learned: bool = False
    """Whether the result over all examples can be combined from results over parts of them."""
    objective: bool = False
    """Whether it is allowed only in a term of `training.objective`."""
    results: tuple[str, ...] = ()
    """The names of its results if it has several. An index selects one: `top_k(x, 3)[0]`."""

    @property
    def sizes(self) -> tuple[str, ...]:
        """The parameters that take an integer or `len(x)`."""
        return tuple(one.name for one in self.parameters if one.kind == "size")

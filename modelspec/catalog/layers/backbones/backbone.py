"""The description of one backbone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

from modelspec.core.shapes import Tensor

from ..layer import Weight
from .inner import paths_of

BATCH: Final = "batch"
LENGTH: Final = "length"
"""Sizes of an output that are those of the first input: its axes 0 and 1."""
MASK: Final = "padding_mask"
SEGMENTS: Final = "segment_ids"
Template: TypeAlias = tuple[int | str, ...]
Called: TypeAlias = Callable[[Mapping[str, Tensor], str, Sequence[str]], Mapping[str, Tensor]]
"""The types of some outputs of a call in a dtype."""


class InputOf(NamedTuple):
    """A tensor that a backbone takes."""

    name: str
    shape: tuple[int | None, ...]
    """As the backbone declares it, batch axis first."""
    dtype: str = "int32"


class OutputOf(NamedTuple):
    """A tensor that a backbone gives: its shape, with `BATCH` and `LENGTH`."""

    shape: Template


def tokens(*names: str) -> tuple[InputOf, ...]:
    """Sequences of integers."""
    return tuple(InputOf(name, (None, None)) for name in names)


def sequence(size: int) -> OutputOf:
    """A vector for each token."""
    return OutputOf((BATCH, LENGTH, size))


def vector(size: int) -> OutputOf:
    """A vector for each example."""
    return OutputOf((BATCH, size))


@dataclass(frozen=True)
class Backbone:
    """What a backbone takes and gives, and its weights."""

    inputs: tuple[InputOf, ...]
    weights: tuple[Weight, ...]
    """All of them in the order of Keras. Their dtypes follow from the layer, unless they are not
    floating-point.
    """
    outputs: Mapping[str, OutputOf]
    """The outputs of the backbone by name; one without a name is `output`."""
    hidden: Mapping[str, OutputOf] = field(default_factory=dict)
    """The outputs of layers inside it, by the names of the layers."""
    padding_id: int | None = None
    """The token that pads sequences, if the tokenizer of the family has one of its own."""
    longest: int | None = None
    """The most tokens of a sequence, where the backbone has a position for each."""
    called: Called | None = None
    """The outputs of a call, where Keras computes them."""
    adaptable: frozenset[str] | None = None
    """The weights that can have low-rank adapters; None: every `kernel`."""

    @cached_property
    def inner_layers(self) -> tuple[str, ...]:
        """The paths of the layers inside it that contain weights."""
        return paths_of(one.name for one in self.weights)

    def types(
        self, given: Mapping[str, Tensor], dtype: str, names: Sequence[str]
    ) -> Mapping[str, Tensor]:
        """The types of some outputs of a call, in a dtype. Raises `Fault`."""
        if self.called is not None:
            return self.called(given, dtype, names)
        first = given[self.inputs[0].name]
        sizes = {BATCH: first.shape[0], LENGTH: first.shape[1] if first.rank > 1 else None}
        every = {**self.outputs, **self.hidden}
        return {
            name: Tensor(
                tuple(sizes[size] if isinstance(size, str) else size for size in every[name].shape),
                dtype,
            )
            for name in names
        }

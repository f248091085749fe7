"""What a graph is made of: references, calls, graphs. No shapes yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from modelspec.catalog.layers.layer import Argument, Layer
from modelspec.core.diagnostics import Span

from ..spec.entries import Use
from ..spec.initial_weights import WeightsSource
from ..spec.model_inputs import InputSpec

ANY_INPUT = "input"
"""The name of the one input of a sub-model that is written as a list of layers."""


class Ref(NamedTuple):
    """A tensor: an output of an input (always its only one) or of a call."""

    producer: str
    output: str | None
    """What is written behind the dot; None for the only output."""
    span: Span


@dataclass(frozen=True)
class Call:
    """One call of a layer or of a sub-model."""

    name: str
    use: Use
    callee: Layer | Graph | None
    """None where the callee is in error."""
    inputs: Mapping[str, Ref | tuple[Ref, ...]] | None
    """Tensors by call argument; None where they are in error."""
    shared: str | None = None
    """The shared name that is called: all its calls have one set of weights."""

    def refs(self) -> Iterator[Ref]:
        """Every tensor it takes."""
        for item in (self.inputs or {}).values():
            yield from (item,) if isinstance(item, Ref) else item


@dataclass(frozen=True)
class Graph:
    """A model or sub-model whose names are resolved."""

    span: Span
    inputs: tuple[InputSpec, ...] | None
    """None: one input, of whatever type it is called with."""
    calls: tuple[Call, ...]
    outputs: Mapping[str, Ref]
    """Public name -> tensor."""
    trainable: bool = True
    shared: Mapping[str, Layer | Graph | None] = field(default_factory=dict)
    weights: WeightsSource | None = None
    """What a sub-model starts from."""
    depth: int = 1
    """How deep models that it calls are nested, itself counted."""

    @property
    def input_names(self) -> tuple[str, ...]:
        return (ANY_INPUT,) if self.inputs is None else tuple(one.name for one in self.inputs)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What a call of it takes, in the same terms as a layer."""
        if self.inputs is None:
            return (Argument(ANY_INPUT),)
        return tuple(Argument(one.name, required=not one.optional) for one in self.inputs)


Callee: TypeAlias = "Layer | Graph | None"

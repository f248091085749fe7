"""The parts of a graph: references, calls, graphs. Shapes are not known yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import TypeAlias

from modelspec.catalog.layers.layer import Argument, Layer
from modelspec.core.diagnostics import Span
from modelspec.core.records import NamedTuple, dataclass

from ..spec.entries import Use
from ..spec.initial_weights import WeightsSource
from ..spec.model_inputs import InputSpec
from ..spec.moving_average import MovingAverage

ANY_INPUT = "input"
"""The name of the only input of a sub-model that is written as a list of layers."""


class Ref(NamedTuple):
    """A tensor: an output of an input (always its only one) or of a call."""

    producer: str
    output: str | None
    """The part after the dot; None for the only output."""
    span: Span


@dataclass(frozen=True)
class Call:
    """One call of a layer or of a sub-model."""

    name: str
    use: Use
    callee: Layer | Graph | None
    """None if the layer or model that is called is invalid."""
    inputs: Mapping[str, Ref | tuple[Ref, ...]] | None
    """Tensors by call argument; None if they are invalid."""
    shared: str | None = None
    """The shared name that is called: all its calls use one set of weights."""

    def refs(self) -> tuple[Ref, ...]:
        """All tensors that it takes."""
        return self._refs

    @cached_property
    def _refs(self) -> tuple[Ref, ...]:
        """Computed once: most rules ask for them."""
        if not self.inputs or (isinstance(self.callee, Layer) and self.callee.takes_no_tensor):
            return ()
        found: list[Ref] = []
        for item in self.inputs.values():
            if isinstance(item, Ref):
                found.append(item)
            else:
                found.extend(item)
        return tuple(found)


@dataclass(frozen=True)
class Graph:
    """A model or sub-model whose names are resolved."""

    span: Span
    inputs: tuple[InputSpec, ...] | None
    """None: one input, whose type is that of the call."""
    calls: tuple[Call, ...]
    outputs: Mapping[str, Ref]
    """Public name -> tensor."""
    trainable: bool = True
    shared: Mapping[str, Layer | Graph | None] = field(default_factory=dict)
    weights: WeightsSource | None = None
    """The initial weights of a sub-model."""
    averages: Mapping[str, MovingAverage] = field(default_factory=dict)
    """The shared layers and models that are moving averages of others, by name."""
    depth: int = 1
    """The nesting depth of the models that it calls, itself included."""
    all_outputs: bool = True
    """Whether every output that is written is known."""

    @property
    def input_names(self) -> tuple[str, ...]:
        return (ANY_INPUT,) if self.inputs is None else tuple(one.name for one in self.inputs)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of a call of it, described as those of a layer."""
        if self.inputs is None:
            return (Argument(ANY_INPUT),)
        return tuple(Argument(one.name, required=not one.optional) for one in self.inputs)


Callee: TypeAlias = "Layer | Graph | None"

"""A graph with types, as `modelspec show` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from modelspec.catalog.layers.layer import Layer, Weight
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.shapes import Size, Tensor, known, product, show, total

from ..graph import Call, Graph


class Adapters(NamedTuple):
    """Low-rank adapters (LoRA) of a layer, from `training.lora`."""

    rank: int
    lora_alpha: float | None
    weights: tuple[str, ...]
    """The weights that have them: `kernel`, `query/kernel`."""


@dataclass(frozen=True, repr=False)
class TypedCall:
    """One call with its types: a row of `modelspec show`."""

    call: Call
    outputs: tuple[Tensor, ...]
    output_names: tuple[str, ...] = ()
    weights: tuple[Weight, ...] = ()
    multiply_adds: Size = 0
    inside: TypedGraph | None = None
    """The sub-model with the types of this call."""
    settled: Layer | None = None
    """The layer with numbers for settings that follow from sizes, if it has such settings."""
    adapters: Adapters | None = None
    """Its low-rank adapters; `weights` contains them."""

    def __repr__(self) -> str:
        shapes = ", ".join(show(tensor.shape) for tensor in self.outputs)
        return f"<{self.kind} {self.name!r}: {shapes}>"

    @property
    def name(self) -> str:
        return self.call.name

    @property
    def kind(self) -> str:
        return self.call.use.kind

    @property
    def shared(self) -> str | None:
        return self.call.shared

    @property
    def inputs(self) -> list[str]:
        """The names of its input tensors in the spec."""
        return [
            ref.producer if ref.output is None else f"{ref.producer}.{ref.output}"
            for ref in self.call.refs()
        ]

    @property
    def output_shape(self) -> Any:
        """A tuple, batch axis first; a list of tuples for several outputs, a dict if they have
        public names.
        """
        return self._several([tensor.shape for tensor in self.outputs])

    @property
    def output_dtype(self) -> Any:
        return self._several([tensor.dtype for tensor in self.outputs])

    def _several(self, items: list[Any]) -> Any:
        if len(items) == 1:
            return items[0]
        return dict(zip(self.output_names, items, strict=True)) if self.inside else items

    @property
    def parameters(self) -> int | None:
        """The number of parameters; None if a size is not known yet. Shared weights count at every
        call.
        """
        return _count(self.weights)

    @property
    def trainable_parameters(self) -> int | None:
        return _count(weight for weight in self.weights if weight.trainable)

    @property
    def flops(self) -> int | None:
        """Multiply-add operations for one example; None if a size is unknown."""
        return known(self.multiply_adds)


@dataclass(frozen=True, repr=False)
class TypedGraph:
    """A graph in which every tensor has a type, as far as it could be inferred."""

    graph: Graph
    input_types: Mapping[str, Tensor]
    layers: tuple[TypedCall, ...]
    """Every call in order, without calls with errors."""
    outputs: Mapping[str, Tensor] = field(default_factory=dict)
    """Public name -> type."""
    partial: tuple[TypedCall, ...] = ()
    """The calls of sub-models that contain errors, with what is known inside; without outputs."""

    def __repr__(self) -> str:
        return f"<TypedGraph: {len(self.layers):,} layers>"

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        return self.input_types

    @property
    def is_whole(self) -> bool:
        """Whether no call has errors, and every output is known."""
        return len(self.layers) == len(self.graph.calls) and self.graph.all_outputs

    @cached_property
    def by_name(self) -> Mapping[str, TypedCall]:
        """Every call in `layers` by its name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def settled(self) -> tuple[Layer, ...]:
        """Every layer with settings that follow from sizes, with the values for these sizes."""
        found = list[Layer]()
        for layer in self.layers:
            found.extend(
                [layer.settled] if layer.settled else layer.inside.settled if layer.inside else ()
            )
        return tuple(found)

    @cached_property
    def alive(self) -> tuple[TypedCall, ...]:
        """The calls that an output depends on: a Keras model contains only these and their
        weights.
        """
        by_name = self.by_name
        found: set[str] = set()
        queue = [ref.producer for ref in self.graph.outputs.values()]
        while queue:
            name = queue.pop()
            if name in by_name and name not in found:
                found.add(name)
                queue.extend(ref.producer for ref in by_name[name].call.refs())
        return tuple(layer for layer in self.layers if layer.name in found)

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """Every weight once, even if several calls share it, in sub-models too; none of unused
        layers.

        The layers of a frozen sub-model are frozen at all their calls, as in Keras.
        """
        owned: dict[int, tuple[Weight, ...]] = {}
        _collect(self, False, owned, set())
        return tuple(weight for weights in owned.values() for weight in weights)

    @cached_property
    def depth_first_calls(self) -> int:
        """The total number of layers that run, counting sub-models at every call."""
        return sum(
            1 + (layer.inside.depth_first_calls if layer.inside else 0) for layer in self.layers
        )

    @cached_property
    def parameters(self) -> int | None:
        return _count(self.weights)

    @cached_property
    def trainable_parameters(self) -> int | None:
        return _count(weight for weight in self.weights if weight.trainable)

    @property
    def flops(self) -> int | None:
        """Multiply-adds of one example in all calls that an output depends on."""
        return known(total(layer.multiply_adds for layer in self.alive))

    def layer(self, name: str) -> TypedCall | None:
        return self.by_name.get(name)


def _collect(
    typed: TypedGraph,
    frozen: bool,
    owned: dict[int, tuple[Weight, ...]],
    seen: set[tuple[int, bool]],
) -> None:
    """Weights by owner: a shared layer by itself, any other layer by its only call."""
    if (id(typed), frozen) in seen:
        return
    seen.add((id(typed), frozen))
    for layer in typed.alive:
        if layer.inside is not None:
            _collect(layer.inside, frozen or not layer.inside.graph.trainable, owned, seen)
            continue
        owner = id(layer.call.callee if layer.shared else layer.call)
        weights = owned.get(owner, layer.weights)
        owned[owner] = (
            tuple(weight._replace(trainable=False) for weight in weights) if frozen else weights
        )


def _count(weights: Iterable[Weight]) -> int | None:
    return known(total(product(weight.shape) for weight in weights))

"""A model's architecture as its file describes it: layers with raw settings, and calls between
them.

The form that every generation of Keras's files is read into, before anything of it is a spec.
Nothing here is trusted: a name is a text, a setting is plain data, and nothing is looked up but in
this structure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MODELS = ("Sequential", "Functional", "Model")
"""Classes of models that describe themselves."""


class Unreadable(ValueError):
    """A file is no architecture, or one that cannot be said as a spec. The message says why, `help`
    what to do.
    """

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


class Source(NamedTuple):
    """A tensor: an output of a call of a layer."""

    layer: str
    call: int
    """Which call of the layer, from 0."""
    output: int


@dataclass(frozen=True)
class InputDef:
    """An input of a model."""

    name: str
    shape: tuple[int | None, ...] | None
    """Batch axis first; None where the file does not say."""
    dtype: str = "float32"
    optional: bool = False


@dataclass(frozen=True)
class LayerDef:
    """A layer, or a model that is called like a layer."""

    name: str
    kind: str
    """Keras's class name, of whatever version."""
    module: str
    """Where Keras has it (`keras.layers`, `keras.src.ops.numpy`); empty before Keras 3."""
    config: Mapping[str, Any]
    inside: Architecture | None = None
    around: tuple[str, ...] = ()
    """The kinds of the wrappers around the model inside, the outermost first."""


@dataclass(frozen=True)
class CallDef:
    """A call of a layer."""

    layer: str
    number: int
    """Which call of the layer it is, from 0."""
    tensors: Mapping[str, Source | Sequence[Source]]
    """By the name of the argument; the first one's name is empty."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are no tensors."""
    ranks: tuple[int, ...] = ()
    """How many axes each tensor has, where the file says it."""

    def sources(self) -> list[Source]:
        """Every tensor it takes."""
        found: list[Source] = []
        for item in self.tensors.values():
            found.extend([item] if isinstance(item, Source) else item)
        return found


@dataclass(frozen=True)
class Architecture:
    """A model: its layers, and their calls in an order in which every tensor is there when it is
    taken.
    """

    name: str
    inputs: tuple[InputDef, ...]
    layers: Mapping[str, LayerDef]
    calls: tuple[CallDef, ...]
    outputs: Mapping[str, Source] | tuple[Source, ...]
    """By public name where the model was made with a mapping."""
    trainable: bool = True
    order: tuple[tuple[str, str], ...] = ()
    """Name and class of every layer in the order of the file, input layers among them: by it Keras
    3 counts groups.
    """
    input_keys: tuple[str, ...] = ()
    """What each input is called in the mapping that the model takes, where it takes one."""
    is_chain: bool = False
    """Whether it is a Sequential: its one input has no name that anybody gave."""

    @property
    def run(self) -> int:
        """How many layers run, those of models in it counted at every call."""
        sizes = {
            name: layer.inside.run if layer.inside is not None else 1
            for name, layer in self.layers.items()
        }
        return sum(sizes[call.layer] for call in self.calls)

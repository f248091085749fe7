"""A model's architecture as described by its file: layers with raw settings, and calls between
them.

Files of every Keras generation are read into this form, before they are converted to a spec.
Nothing here is trusted: a name is a text, a setting is plain data, and nothing is looked up but in
this structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

MODELS = ("Sequential", "Functional", "Model")
"""Classes of models whose files contain a full description."""


class Unreadable(ValueError):
    """A file is not an architecture, or one that a spec does not support. The message is the
    reason, `help` the fix.
    """

    code: ClassVar[str] = "MS742"
    """The code of its diagnostic."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


class NotAModel(Unreadable):
    """A file without a model: weights alone, or other data."""

    code = "MS743"


class Source(NamedTuple):
    """A tensor: an output of a call of a layer."""

    layer: str
    call: int
    """The index of the call of the layer, from 0."""
    output: int


def sources_in(value: Any) -> Iterator[Source]:
    """Every tensor in nested lists and mappings, in their order."""
    if isinstance(value, Source):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from sources_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from sources_in(item)


def has_sources(value: Any) -> bool:
    """Whether nested lists and mappings contain a tensor."""
    return next(sources_in(value), None) is not None


def with_sources(value: Any, change: Callable[[Source], Any]) -> Any:
    """Nested lists and mappings with every tensor changed."""
    if isinstance(value, Source):
        return change(value)
    if isinstance(value, Mapping):
        return {key: with_sources(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [with_sources(item, change) for item in value]
    if isinstance(value, tuple):  # a step of a formula
        return type(value)(*(with_sources(item, change) for item in value))
    return value


@dataclass(frozen=True)
class InputDef:
    """An input of a model."""

    name: str
    shape: tuple[int | None, ...] | None
    """Batch axis first; None if the file does not contain it."""
    dtype: str = "float32"
    optional: bool = False


@dataclass(frozen=True)
class LayerDef:
    """A layer, or a model that is called like a layer."""

    name: str
    kind: str
    """The Keras class name, of any version."""
    module: str
    """Its Keras module (`keras.layers`, `keras.src.ops.numpy`); empty before Keras 3."""
    config: Mapping[str, Any]
    inside: Architecture | None = None
    around: tuple[str, ...] = ()
    """The kinds of the wrappers around the model inside, the outermost first."""
    result: int = 0
    """The result of an operation with several that this layer is."""


@dataclass(frozen=True)
class CallDef:
    """A call of a layer."""

    layer: str
    number: int
    """The index of the call of the layer, from 0."""
    tensors: Mapping[str, Any]
    """Tensors, or nested lists of tensors and numbers, by the name of the argument; the name of the
    first argument is empty.
    """
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are not tensors."""
    ranks: tuple[int, ...] = ()
    """The number of axes of each tensor, if the file contains it."""
    dtypes: tuple[str, ...] = ()
    """The dtypes of the tensors, if the file contains them."""

    def sources(self) -> list[Source]:
        """Every tensor it takes."""
        return list(sources_in(list(self.tensors.values())))


@dataclass(frozen=True)
class Architecture:
    """A model: its layers, and their calls in an order in which every tensor exists before it is
    used.
    """

    name: str
    inputs: tuple[InputDef, ...]
    layers: Mapping[str, LayerDef]
    calls: tuple[CallDef, ...]
    outputs: Mapping[str, Source] | tuple[Source, ...]
    """By public name if the model was created with a mapping."""
    trainable: bool = True
    order: tuple[tuple[str, str], ...] = ()
    """Name and class of every layer in the order of the file, including input layers: Keras 3
    numbers groups in this order.
    """
    input_keys: tuple[str, ...] = ()
    """The name of each input in the mapping of the model's inputs, if it takes a mapping."""
    writer: str = ""
    """The version of Keras that wrote the file, as in the file: `1.0.5`; its first number if the
    file does not contain it; empty for inner models.
    """
    backend: str = ""
    """The backend of that Keras: `theano`."""
    sizes: Mapping[Source, tuple[int | None, ...]] = field(default_factory=dict)
    """The shapes of some tensors, batch axis first, if operations on them depend on sizes that the
    file does not contain.
    """
    lost: tuple[str, ...] = ()
    """A sentence about each setting that affects training alone and has no equivalent."""
    is_chain: bool = False
    """Whether it is a Sequential: the name of its only input is automatic."""

    @property
    def may_be_flipped(self) -> bool:
        """Whether its kernels are flipped if its backend, which no Keras 1 wrote, was Theano."""
        kinds = (layer.kind for layer in self.layers.values())
        is_of_keras_1 = self.writer.partition(".")[0] == "1"
        return is_of_keras_1 and not self.backend and any("Conv" in kind for kind in kinds)

    @property
    def run(self) -> int:
        """The number of layers that run, counting nested models at every call."""
        sizes = {
            name: layer.inside.run if layer.inside is not None else 1
            for name, layer in self.layers.items()
        }
        return sum(sizes[call.layer] for call in self.calls)

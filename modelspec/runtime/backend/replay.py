"""Tensors inside a built model, by name: the typed graph is traversed again with the layers of the
model.

Sub-models are traversed too, so their tensors are part of one graph with all others: a tensor at
any depth can be an output, and gradients flow through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph import Graph, Ref
from modelspec.compiler.graph.symbols import output_index
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.infer.objective_terms import type_of
from modelspec.core.shapes import erase

from .inner_names import inner_name
from .lower import Lowering, inputs_of, one_or_mapping

Tensors = dict[str, tuple[Any, ...]]
"""The outputs of every call, by its path: `conv1`, `encoder/conv1`."""


def inner_model(model: keras.Model, typed: TypedGraph, names: Mapping[str, str]) -> keras.Model:
    """A model from the inputs of `model` to some of its tensors, with the same weights.

    `names` maps keys to paths of inputs, calls or public outputs; a call with several outputs gets
    the keys `<key>_0`, `<key>_1`, ... The outputs are a mapping by key. Every name must be known.
    """
    inputs = inputs_of(typed)
    tensors = walked(model, typed, inputs)
    found: dict[str, Any] = {}
    for key, name in names.items():
        outputs = tensors[name]
        if len(outputs) == 1:
            found[key] = outputs[0]
        else:
            found.update({f"{key}_{index}": output for index, output in enumerate(outputs)})
    with _distinct_names(model):
        return keras.Model(one_or_mapping(inputs), found)


def tower_model(
    model: keras.Model, typed: TypedGraph, name: str, required: Sequence[str]
) -> keras.Model:
    """A model from the inputs that a tensor requires to this tensor, with the same weights."""
    inputs = inputs_of(typed)
    (tensor,) = walked(model, typed, inputs)[name]
    with _distinct_names(model):
        return keras.Model(one_or_mapping({one: inputs[one] for one in required}), tensor)


def walked(model: keras.Model, typed: TypedGraph, inputs: Mapping[str, Any]) -> Tensors:
    """Every tensor of a model for these inputs."""
    found: Tensors = {}
    outputs = _Walk(model, typed, inputs, found, "").outputs()
    found.update({name: (tensor,) for name, tensor in outputs.items() if name not in found})
    return found


class Part(NamedTuple):
    """A part of a model, with the same weights."""

    model: keras.Model
    inputs: tuple[str, ...]
    """The keys of its inputs."""

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors that it computes, by key."""
        found: dict[str, Any] = self.model([tensors[key] for key in self.inputs], training=False)
        return found


def part_of_model(
    model: keras.Model, typed: TypedGraph, given: Mapping[str, Ref], read: Mapping[str, Ref]
) -> Part:
    """The part from the tensors in `given`, which replace those of `model`, to the tensors in
    `read`. Its inputs are the keys of `given`, and the names of the other inputs of `model` that it
    requires.
    """
    inputs = inputs_of(typed)
    walk = _PartialWalk(model, typed, inputs, given)
    walk.outputs()
    outputs = {key: walk.tensor(ref) for key, ref in read.items()}
    required = _required(typed, given, read)
    others = {name: inputs[name] for name in required if name not in walk.replaced}
    inside = {**walk.replaced, **others}
    with _distinct_names(model):
        return Part(keras.Model(list(inside.values()), outputs), tuple(inside))


@contextmanager
def _distinct_names(model: keras.Model) -> Iterator[None]:
    """Inside, no two layers of a model have the same name: layers of different sub-models may, but
    Keras creates no model of them.
    """
    layers = list({id(one): one for one in model._flatten_layers(include_self=False)}.values())
    names = [one.name for one in layers]
    counts = Counter(names)
    try:
        for number, layer in enumerate(layers):
            if counts[layer.name] > 1:
                layer.name = f"{layer.name}/{number}"  # no name of a layer contains a slash
        yield
    finally:
        for layer, name in zip(layers, names, strict=True):
            layer.name = name


def _required(
    typed: TypedGraph, given: Mapping[str, Ref], read: Mapping[str, Ref]
) -> tuple[str, ...]:
    """The inputs that the tensors in `read` depend on, other than through those in `given`."""
    replaced = {ref.producer for ref in given.values()}
    queue, seen = [ref.producer for ref in read.values()], set[str]()
    for name in queue:
        if name not in seen and name not in replaced:
            seen.add(name)
            call = typed.by_name.get(name)
            queue.extend(ref.producer for ref in call.call.refs()) if call is not None else None
    return tuple(name for name in typed.inputs if name in seen)


class _Walk(Lowering):
    """Calls the layers of an existing model."""

    def __init__(
        self,
        model: keras.Model,
        typed: TypedGraph,
        inputs: Mapping[str, Any],
        found: Tensors,
        place: str,
    ) -> None:
        super().__init__(typed, {}, inputs, False)
        self.model, self.found, self.place = model, found, place
        if not place:
            found.update(self.tensors)

    def outputs(self) -> dict[str, Any]:
        for call in self.typed.alive:
            self._call(call)
        return {public: self.tensor(ref) for public, ref in self.typed.graph.outputs.items()}

    def _call(self, typed: TypedCall) -> None:
        arguments = self._arguments(typed)
        callee = self.model.get_layer(inner_name(typed.shared or typed.name))
        path = self.place + typed.name
        around = typed.call.use.around  # a wrapper does not return the inner tensors of its model
        if isinstance(typed.call.callee, Graph) and typed.inside is not None and not around:
            inner = _Walk(callee, typed.inside, arguments, self.found, f"{path}/")
            tensors = tuple(inner.outputs().values())
        else:
            tensors = tuple(keras.tree.flatten(self._run(callee, typed, arguments)))
        self.tensors[typed.name] = self.found[path] = tensors
        self.names[typed.name] = typed.output_names


class _PartialWalk(_Walk):
    """Calls the layers of an existing model, with some tensors replaced by inputs."""

    def __init__(
        self,
        model: keras.Model,
        typed: TypedGraph,
        inputs: Mapping[str, Any],
        given: Mapping[str, Ref],
    ) -> None:
        super().__init__(model, typed, inputs, {}, "")
        self.given = given
        self.replaced = {key: _input(typed, ref, inputs) for key, ref in given.items()}
        """By key of `given`: the input that replaces the tensor."""

    def _arguments(self, typed: TypedCall) -> dict[str, Any]:
        found = super()._arguments(typed)
        callee = typed.call.callee
        if isinstance(callee, Layer) and callee.takes_no_tensor and self.replaced:
            # The number of examples is that of the replaced tensors.
            return dict.fromkeys(found, next(iter(self.replaced.values())))
        return found

    def _call(self, typed: TypedCall) -> None:
        super()._call(typed)
        tensors = list(self.tensors[typed.name])
        for key, ref in self.given.items():
            if ref.producer == typed.name:
                at = output_index(ref.output or "0", typed.output_names, len(tensors)) or 0
                tensors[at] = self.replaced[key]
        self.tensors[typed.name] = tuple(tensors)


def _input(typed: TypedGraph, ref: Ref, inputs: Mapping[str, Any]) -> Any:
    """The input that replaces a tensor."""
    if ref.producer in inputs:
        return inputs[ref.producer]
    tensor = type_of(ref, typed)
    assert tensor is not None
    return keras.Input(batch_shape=erase(tensor.shape), dtype=tensor.dtype)

"""Tensors inside a built model, by name: the typed graph is traversed again with the layers of the
model.

Sub-models are traversed too, so their tensors are part of one graph with all others: a tensor at
any depth can be an output, and gradients flow through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from modelspec.compiler.graph import Graph
from modelspec.compiler.infer import TypedCall, TypedGraph

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
    return keras.Model(one_or_mapping(inputs), found)


def walked(model: keras.Model, typed: TypedGraph, inputs: Mapping[str, Any]) -> Tensors:
    """Every tensor of a model for these inputs."""
    found: Tensors = {}
    outputs = _Walk(model, typed, inputs, found, "").outputs()
    found.update({name: (tensor,) for name, tensor in outputs.items() if name not in found})
    return found


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

"""The tensors of a training step that are kept for the backward pass: each once, even if several
calls need it.

A gradient flows through a call if its weights, or weights of a call before it, are trained; calls
before that keep nothing. Which tensors are kept depends on the layer (`Layer.saved`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.catalog.layers.saved import Saved, in_dtype
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from ..graph import Graph, Ref
from ..spec.training_section import Training
from .objective_terms import ResolvedTerm, in_single, reached_calls, resolved_terms, type_of
from .tensor_bytes import Bytes, bytes_of, steps
from .typed_graph import TypedCall, TypedGraph


@dataclass(frozen=True)
class Kept:
    """The kept tensors, by the layer (or the input) that produces them."""

    by_layer: Mapping[str, Bytes]

    @property
    def total(self) -> Bytes:
        found = Bytes()
        for one in self.by_layer.values():
            found = found.plus(one)
        return found


def kept_activations(graph: TypedGraph, training: Training | None) -> Kept:
    """The tensors that a training step keeps, including the batch; without a training, those that
    the gradient of all outputs would need. Raises `UnknownSize`.
    """
    walk = _Walk(frozenset(graph.inputs))
    trained = None if training is None else _trained_outputs(graph, training)
    inputs = {name: _Value(_Memory(name, tensor), tensor) for name, tensor in graph.inputs.items()}
    for value in inputs.values():
        walk.keep(value.memory)
    needed = None if trained is None else _reached(graph, trained)
    terms = resolved_terms(graph, training.objective) if training is not None else ()
    if needed is not None:
        needed |= reached_calls(graph, terms)
    outputs = walk.graph(graph, inputs, _Place(), needed)
    for name, value in outputs.items():
        walk.keep(value.memory)
        if training is not None and trained is not None and name in trained:
            _keep_for_loss(walk, name, value.type, _activation(graph, name), training)
    for term in terms:
        _keep_for_term(walk, graph, term)
    return Kept(walk.kept)


# Tensors ------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Memory:
    """The memory of a tensor, shared by all its reshaped views."""

    layer: str
    type: Tensor
    flows: bool = False
    """Whether a gradient flows back through it."""
    times: int = 1
    """The number of copies, in a model that runs at every step of a sequence."""


@dataclass(frozen=True)
class _Value:
    """A tensor as the input of a call."""

    memory: _Memory
    type: Tensor


@dataclass(frozen=True)
class _Place:
    """The position of a graph in nested models."""

    path: str = ""
    frozen: bool = False
    times: int = 1


@dataclass
class _Walk:
    """Walks the calls in order and collects the kept tensors."""

    inputs: frozenset[str]
    """The inputs of the model."""
    kept: dict[str, Bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    memories: list[_Memory] = field(default_factory=list)
    """Kept alive, because their `id` identifies them."""

    def keep(self, memory: _Memory) -> None:
        if id(memory) not in self.seen:
            self.seen.add(id(memory))
            self.memories.append(memory)
            self.add(memory.layer, memory.type, memory.times)

    def add(self, layer: str, tensor: Tensor, times: int = 1) -> None:
        """A tensor that is not kept elsewhere."""
        what = "a batch of" if layer in self.inputs else "the memory of"
        size = bytes_of(tensor, f"{what} `{layer}`").times(times)
        self.kept[layer] = self.kept.get(layer, Bytes()).plus(size)

    def graph(
        self,
        typed: TypedGraph,
        inputs: Mapping[str, _Value],
        place: _Place,
        needed: frozenset[str] | None = None,
    ) -> dict[str, _Value]:
        """The outputs of a graph, by public name. `needed`: the calls that a loss depends on; None:
        all of them.
        """
        made: dict[str, tuple[_Value, ...]] = {name: (one,) for name, one in inputs.items()}
        by_name = typed.by_name
        for call in typed.alive:
            made[call.name] = self.call(
                call, _taken(call, made, by_name), place, needed is None or call.name in needed
            )
        return {name: _of(ref, made, by_name) for name, ref in typed.graph.outputs.items()}

    def call(
        self, call: TypedCall, taken: Mapping[str, _Taken], place: _Place, needed: bool
    ) -> tuple[_Value, ...]:
        """The outputs of a call."""
        if call.inside is not None:
            return self._model(call, call.inside, taken, place)
        layer = call.settled or call.call.callee
        assert isinstance(layer, Layer)
        trained = not place.frozen and any(weight.trainable for weight in call.weights)
        if place.frozen and layer.trainable:
            layer = layer.model_copy(update={"trainable": False})
        flows = needed and (trained or any(one.memory.flows for one in _each(taken)))
        inputs = Inputs({name: _types(one) for name, one in taken.items()}, call.call.use.options)
        saved = layer.saved(inputs, call.outputs)
        name = place.path + call.name
        given = [_cast(layer, one, name) for one in _each(taken)]
        if flows:
            self._keep_for(layer, saved, given, call, place, trained)
        outputs = [
            _Value(_Memory(name, one, flows and is_float(one.dtype), place.times), one)
            for one in call.outputs
        ]
        if saved.passes_on and given:
            outputs[0] = _Value(given[0].memory, call.outputs[0])
        elif flows and saved.outputs:
            self.keep(outputs[0].memory)
        return tuple(outputs)

    def _keep_for(
        self,
        layer: Layer,
        saved: Saved,
        given: list[_Value],
        call: TypedCall,
        place: _Place,
        trained: bool,
    ) -> None:
        name = place.path + call.name
        if saved.inputs or (saved.for_weights and trained):
            for index, one in enumerate(given):
                wanted = saved.places is None or index in saved.places
                if wanted and is_float(one.type.dtype):
                    self.keep(one.memory)
        for tensor in (*saved.own, *(saved.own_for_weights if trained else ())):
            self.add(name, tensor, place.times)
        if not saved.with_weights and any(one.memory.flows for one in given):
            # The gradient of the layer's inputs needs its weights in the compute dtype.
            weights = (Tensor(weight.shape, weight.dtype) for weight in call.weights)
            for tensor in in_dtype(weights, layer.compute_dtype):
                self.add(name, tensor, place.times)

    def _model(
        self, call: TypedCall, inside: TypedGraph, taken: Mapping[str, _Taken], place: _Place
    ) -> tuple[_Value, ...]:
        """A sub-model; through wrappers it runs on a copy of each step."""
        name = place.path + call.name
        count = 1
        for size in next(iter(_each(taken))).type.shape[1 : 1 + len(call.call.use.around)]:
            count *= steps(size, f"`{name}`")
        within = _Place(f"{name}/", place.frozen or not inside.graph.trainable, place.times * count)
        inputs = {one: value for one, value in taken.items() if isinstance(value, _Value)}
        if call.call.use.around:
            inputs = {
                one: _Value(
                    _Memory(name, inside.inputs[one], value.memory.flows, within.times),
                    inside.inputs[one],
                )
                for one, value in zip(inside.inputs, inputs.values(), strict=False)
            }
        outputs = tuple(self.graph(inside, inputs, within).values())
        if not call.call.use.around:
            return outputs
        return tuple(
            _Value(_Memory(name, made, one.memory.flows, place.times), made)
            for one, made in zip(outputs, call.outputs, strict=True)
        )


_Taken = _Value | tuple[_Value, ...]


def _taken(
    call: TypedCall, made: Mapping[str, tuple[_Value, ...]], by_name: Mapping[str, TypedCall]
) -> dict[str, _Taken]:
    """The tensors of a call, by argument."""
    return {
        argument: _of(item, made, by_name)
        if isinstance(item, Ref)
        else tuple(_of(ref, made, by_name) for ref in item)
        for argument, item in (call.call.inputs or {}).items()
    }


def _of(
    ref: Ref, made: Mapping[str, tuple[_Value, ...]], by_name: Mapping[str, TypedCall]
) -> _Value:
    outputs = made[ref.producer]
    if ref.output is None:
        return outputs[0]
    names = by_name[ref.producer].output_names
    return outputs[names.index(ref.output) if ref.output in names else int(ref.output)]


def _each(taken: Mapping[str, _Taken]) -> Iterator[_Value]:
    for one in taken.values():
        yield from (one,) if isinstance(one, _Value) else one


def _types(taken: _Taken) -> Tensor | tuple[Tensor, ...]:
    return taken.type if isinstance(taken, _Value) else tuple(one.type for one in taken)


def _cast(layer: Layer, value: _Value, name: str) -> _Value:
    """The tensor in the layer's compute dtype: a copy, if it has another dtype."""
    dtype = layer.cast(value.type.dtype)
    if dtype == value.type.dtype:
        return value
    memory = _Memory(name, value.type._replace(dtype=dtype), value.memory.flows, value.memory.times)
    return _Value(memory, memory.type)


# Losses -------------------------------------------------------------------------------------------


def _trained_outputs(graph: TypedGraph, training: Training) -> frozenset[str]:
    return frozenset(name for name in graph.outputs if name in training.losses)


def _reached(graph: TypedGraph, outputs: frozenset[str]) -> frozenset[str]:
    """The calls that these outputs depend on."""
    by_name = graph.by_name
    found: set[str] = set()
    queue = [graph.graph.outputs[name].producer for name in outputs]
    while queue:
        name = queue.pop()
        if name in by_name and name not in found:
            found.add(name)
            queue.extend(ref.producer for ref in by_name[name].call.refs())
    return frozenset(found)


def _keep_for_loss(
    walk: _Walk, name: str, output: Tensor, activation: str | None, training: Training
) -> None:
    """The targets, and the tensors that the loss keeps of an output; it computes in float32. Of an
    output in another dtype it makes a copy, and does not see the activation of the output.
    """
    loss = training.losses[name].settings
    compared = output._replace(dtype="float32")
    copied = output != compared
    count = loss.saved_of(None if copied else activation) if isinstance(loss, Loss) else 1
    count += copied
    for _ in range(count):
        walk.add(name, compared)
    indices = isinstance(loss, Loss) and loss.targets in ("indices", "identities")
    walk.add(name, compared._replace(shape=output.shape[:-1]) if indices else compared)


def _keep_for_term(walk: _Walk, graph: TypedGraph, one: ResolvedTerm) -> None:
    """The tensors of the model that a term reads; half precision is copied to float32. What the
    steps of its formula keep is not counted: comparisons of examples grow with their square.
    """
    for ref in one.tensors.values():
        tensor = type_of(ref, graph)
        if tensor is not None and (single := in_single(tensor)) != tensor:
            walk.add(ref.producer, single)


def _activation(graph: TypedGraph, output: str) -> str | None:
    """The activation function in which an output ends."""
    ref = graph.graph.outputs[output]
    call = graph.by_name.get(ref.producer)
    if call is None:
        return None
    if call.inside is not None:
        names = tuple(call.inside.outputs)
        inner = ref.output if ref.output in names else names[int(ref.output or 0)]
        return _activation(call.inside, inner)
    callee = call.call.callee
    if callee is None or isinstance(callee, Graph):
        return None
    found = getattr(callee, "activation", None) or callee.activation_function
    return found if isinstance(found, str) else None

"""The types of tensors outside training, for layers with a different output size there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Inputs, Layer, Weight
from modelspec.core.diagnostics import Fault
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Tensor, may_equal, show

from ..graph import Ref
from ..graph.symbols import output_index
from ..infer import TypedCall, TypedGraph


class Changed(NamedTuple):
    """A tensor with another size outside training."""

    tensor: Tensor
    by: TypedCall
    """The layer that changes the size."""


class Unfit(NamedTuple):
    """A call that does not accept a tensor outside training."""

    call: TypedCall
    given: Changed
    reason: str


def follow(
    typed: TypedGraph, given: Mapping[str, Changed] | None = None
) -> tuple[list[Unfit], dict[str, Changed]]:
    """The calls that fail, and the outputs of the graph that change, by public name. Calls after a
    failing call are skipped.
    """
    walk = _Walk(typed, dict(given or {}))
    for call in typed.layers:
        walk.take(call)
    outputs = {public: walk.of(ref) for public, ref in typed.graph.outputs.items()}
    return walk.unfit, {public: one for public, one in outputs.items() if one is not None}


class _Walk:
    """`changed` are the tensors by producer, only the first output of each."""

    def __init__(self, typed: TypedGraph, changed: dict[str, Changed]) -> None:
        self.typed = typed
        self.changed = changed
        self.unfit: list[Unfit] = []

    def of(self, ref: Ref) -> Changed | None:
        return self.changed.get(ref.producer) if self._place(ref) == 0 else None

    def take(self, call: TypedCall) -> None:
        given = next((one for ref in call.call.refs() if (one := self.of(ref))), None)
        layer = call.call.callee
        if call.inside is not None:
            self._inside(call, call.inside)
        elif not isinstance(layer, Layer) or not call.outputs:
            return
        elif given is not None:
            self._again(call, layer, given)
        elif type(layer).outside_training is not Layer.outside_training:
            self._first(call, layer)

    def _inside(self, call: TypedCall, inside: TypedGraph) -> None:
        items = (call.call.inputs or {}).items()
        refs = {name: item for name, item in items if isinstance(item, Ref)}
        given = {name: one for name, ref in refs.items() if (one := self.of(ref))}
        unfit, outputs = follow(inside, {} if call.call.use.around else given)
        self.unfit += unfit
        if call.call.use.around:  # the output of one step is not a tensor of the sequences
            return
        first = next(iter(inside.graph.outputs), None)
        if first in outputs:
            self.changed[call.name] = outputs[first]

    def _first(self, call: TypedCall, layer: Layer) -> None:
        """A layer that computes something different outside training."""
        inputs = self._inputs(call)
        if inputs is not None:
            tensor = layer.outside_training(inputs.one, call.outputs[0])
            if tensor != call.outputs[0]:
                self.changed[call.name] = Changed(tensor, call)

    def _again(self, call: TypedCall, layer: Layer, given: Changed) -> None:
        inputs = self._inputs(call)
        if inputs is None:
            return
        try:
            output = output_of(layer, inputs)
            weights = layer.weights(inputs)
        except Fault as fault:
            self.unfit.append(Unfit(call, given, fault.message))
            return
        other = next(_other(call.weights, weights), None)
        if other is not None:
            self.unfit.append(Unfit(call, given, other))
            return
        first = output if isinstance(output, Tensor) else output[0]
        if first != call.outputs[0]:
            self.changed[call.name] = given._replace(tensor=first)

    # Tensors --------------------------------------------------------------------------------------

    def _inputs(self, call: TypedCall) -> Inputs | None:
        """The inputs of a call outside training; None if one of them has no type."""
        found: dict[str, Tensor | tuple[Tensor, ...]] = {}
        for name, item in (call.call.inputs or {}).items():
            refs = (item,) if isinstance(item, Ref) else item
            types = [self._type(ref) for ref in refs]
            tensors = tuple(one for one in types if one is not None)
            if len(tensors) < len(refs):
                return None
            found[name] = tensors[0] if isinstance(item, Ref) else tensors
        return Inputs(found, call.call.use.options)

    def _type(self, ref: Ref) -> Tensor | None:
        if (changed := self.of(ref)) is not None:
            return changed.tensor
        call = self.typed.by_name.get(ref.producer)
        if call is None:
            return self.typed.input_types.get(ref.producer)
        place = self._place(ref)
        return call.outputs[place] if place is not None and place < len(call.outputs) else None

    def _place(self, ref: Ref) -> int | None:
        """The index among the outputs of its producer."""
        call = self.typed.by_name.get(ref.producer)
        if ref.output is None or call is None:
            return 0
        return output_index(ref.output, call.output_names, len(call.outputs))


def _other(built: tuple[Weight, ...], needed: tuple[Weight, ...]) -> Iterator[str]:
    """Why a weight would need another shape."""
    for one, other in zip(built, needed, strict=False):
        pairs = zip(one.shape, other.shape, strict=False)
        if not all(may_equal(a, b) for a, b in pairs):
            wanted = show(other.shape)
            yield f"its weight `{one.name}` is {show(one.shape)}, but it would need {wanted}"

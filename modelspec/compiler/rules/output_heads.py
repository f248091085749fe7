"""The outputs of a model: the layer that produces each, its activation, and its number of units."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Span
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size, Tensor
from modelspec.core.source import locate

from ..graph import Ref
from ..infer import TypedCall, TypedGraph
from .graph_walk import by_name, layer_of, setting_span

PROBABILITIES = ("softmax", "sigmoid")


class Head(NamedTuple):
    """One output of a model."""

    output: str
    tensor: Tensor
    activation: str | None
    """The last activation: `linear` if a layer with weights has none; None if it is unknown."""
    call: TypedCall
    span: Span
    """The activation, or the layer that has it."""
    layer: Layer | None = None
    """The layer with the activation: the called layer, or one inside it."""

    @property
    def named(self) -> str:
        """The layer with the activation, for a message."""
        called = layer_of(self.call)
        if self.layer is None or called is self.layer:
            return f"`{self.call.name}`"
        return f"the `{self.layer.kind()}` in `{self.call.name}`"

    @property
    def units(self) -> Size:
        return self.tensor.shape[-1] if self.tensor.rank > 1 else None

    @property
    def one_unit(self) -> bool:
        return self.units == 1

    @property
    def several_units(self) -> bool:
        return isinstance(self.units, int) and self.units > 1

    @property
    def gives_probabilities(self) -> bool:
        return self.activation in PROBABILITIES


def heads(typed: TypedGraph) -> dict[str, Head]:
    """The head of every output that a layer produces and that has a type."""
    found: dict[str, Head] = {}
    for public, ref in typed.graph.outputs.items():
        tensor = typed.outputs.get(public)
        made = _maker(typed, ref)
        if tensor is not None and made is not None:
            held = _computing(made)
            activation, span = _activation(made, held)
            found[public] = Head(public, tensor, activation, made, span, held)
    return found


def _maker(typed: TypedGraph, ref: Ref) -> TypedCall | None:
    """The call that computes a tensor's values, inside sub-models too; None for an input."""
    call = by_name(typed).get(ref.producer)
    if call is None:
        return None
    if call.inside is not None:
        outputs = call.inside.graph.outputs
        return (
            _maker(call.inside, outputs.get(ref.output or "") or next(iter(outputs.values())))
            or call
        )
    layer = layer_of(call)
    if layer is not None and layer.keeps_values:
        return _maker(typed, call.call.refs()[0]) or call
    return call


def _computing(made: TypedCall) -> Layer | None:
    """The layer that computes the values: the called layer, or one inside it."""
    layer = layer_of(made)
    while layer is not None and isinstance(layer.gives_values_of, Layer):
        layer = layer.gives_values_of
    return layer


def _activation(made: TypedCall, layer: Layer | None) -> tuple[str | None, Span]:
    span = made.call.use.kind_span
    if layer is None:
        return None, span
    if layer.like_activation is not None:
        return layer.like_activation, span
    if "activation" not in type(layer).model_fields:
        return None, span
    value = getattr(layer, "activation")  # noqa: B009  # a field that only some layers have
    if value is None and made.weights:
        return "linear", span
    called = layer is layer_of(made)
    written = setting_span(made, "activation") if called else _inside(made, layer.kind())
    return (value if isinstance(value, str) else None), written or span


def _inside(made: TypedCall, kind: str) -> Span | None:
    """Where the activation of the layer of this kind is written in the settings of a call."""
    body = made.call.use.body
    if body is None:
        return None
    place = ("layer", kind, "activation"), (kind, "activation")
    return next((span for span in (locate(body, path) for path in place) if span), None)

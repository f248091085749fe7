"""What a model's outputs are: the layer that makes each, its activation, and how many units it
has.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Span
from modelspec.core.shapes import Size, Tensor
from modelspec.core.source import locate

from ..graph import Ref
from ..infer import TypedCall, TypedGraph

PASSING = frozenset(
    {
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "GaussianDropout",
        "GaussianNoise",
        "AlphaDropout",
        "ActivityRegularization",
        "Identity",
        "Flatten",
        "Reshape",
        "Permute",
        "RepeatVector",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "Masking",
    }
)
"""Layers that pass on the values they get (or leave some out): the activation before them is still
the head's.
"""
PROBABILITIES = ("softmax", "sigmoid")


@dataclass(frozen=True)
class Head:
    """One output of a model."""

    output: str
    tensor: Tensor
    activation: str | None
    """The last activation: `linear` where a layer with weights has none; None where it cannot be
    told.
    """
    call: TypedCall
    span: Span
    """The activation, or the layer that has it."""

    @property
    def units(self) -> Size:
        return self.tensor.shape[-1] if self.tensor.rank > 1 else None

    @property
    def gives_probabilities(self) -> bool:
        return self.activation in PROBABILITIES


def heads(typed: TypedGraph) -> dict[str, Head]:
    """The head of every output that is made by a layer and has a type."""
    found: dict[str, Head] = {}
    for public, ref in typed.graph.outputs.items():
        tensor = typed.outputs.get(public)
        made = _maker(typed, ref)
        if tensor is not None and made is not None:
            activation, span = _activation(made)
            found[public] = Head(public, tensor, activation, made, span)
    return found


def _maker(typed: TypedGraph, ref: Ref) -> TypedCall | None:
    """The call that computes a tensor's values, inside sub-models too; None for an input."""
    calls = {call.name: call for call in typed.layers}
    call = calls.get(ref.producer)
    if call is None:
        return None
    if call.inside is not None:
        outputs = call.inside.graph.outputs
        return (
            _maker(call.inside, outputs.get(ref.output or "") or next(iter(outputs.values())))
            or call
        )
    if call.kind in PASSING:
        return _maker(typed, next(call.call.refs())) or call
    return call


def _activation(made: TypedCall) -> tuple[str | None, Span]:
    use = made.call.use
    layer = made.call.callee
    if made.kind == "Softmax":
        return "softmax", use.kind_span
    if not isinstance(layer, Layer) or "activation" not in type(layer).model_fields:
        return None, use.kind_span
    value = getattr(layer, "activation")  # noqa: B009  # a field that only some layers have
    if value is None and made.weights:
        return "linear", use.kind_span
    span = _setting_span(made, "activation")
    return (value if isinstance(value, str) else None), span or use.kind_span


def _setting_span(made: TypedCall, setting: str) -> Span | None:
    body = made.call.use.body
    return locate(body, (setting,)) if body is not None else None

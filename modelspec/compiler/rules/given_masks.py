"""The mask that the output of a call has if the call gets one as an argument."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Shape

from ..graph import Ref
from ..infer import TypedCall, TypedGraph
from ..infer.objective_terms import type_of


def given_mask(call: TypedCall, layer: Layer, typed: TypedGraph) -> Shape | None:
    """The shape of the argument `mask`, which Keras propagates like the mask of the input; None if
    the call has no such argument, or the output has no mask.
    """
    ref = (call.call.inputs or {}).get("mask")
    if not isinstance(ref, Ref) or not call.outputs or not _propagates(call, layer, typed):
        return None
    mask = type_of(ref, typed)
    return mask.shape if mask is not None else None


def _propagates(call: TypedCall, layer: Layer, typed: TypedGraph) -> bool:
    """Whether the layer gives its output the mask of its input: a layer that uses the mask to skip
    steps does so only if it gives all steps.
    """
    if layer.supports_masking is not True or not layer.passes_mask or layer.joins_masks:
        return False
    first = next(iter((call.call.inputs or {}).values()))
    taken = type_of(first, typed) if isinstance(first, Ref) else None
    return taken is not None and (not layer.uses_mask_of or taken.rank == call.outputs[0].rank)

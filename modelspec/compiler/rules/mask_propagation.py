"""The propagation of masks through a graph, as Keras does it while a model runs.

`Embedding` and `Masking` mark steps that are padding. A layer that supports masks propagates them
with its output; most layers do not, and a sum with an unmasked tensor has no mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Shape

from ..graph import Graph, Ref
from ..infer import TypedCall, TypedGraph
from ..infer.objective_terms import type_of
from .given_masks import given_mask
from .graph_walk import by_name
from .layer_calls import LayerCall, states
from .mask_results import Mask, Taken, given, here, results, with_axes


class LostMask(NamedTuple):
    """A mask that is dropped before a call that would use it."""

    mask: Mask
    lost: TypedCall
    user: TypedCall


class MisreadMask(NamedTuple):
    """A mask of steps that reaches a layer which expects a mask of single values."""

    mask: Mask
    user: TypedCall


class UnfitMask(NamedTuple):
    """A mask that reaches a layer with a number of axes that the layer does not accept."""

    mask: Mask
    user: TypedCall
    wanted: int


class MisusedMask(NamedTuple):
    """A mask with the right axes that a layer does not use as it should."""

    mask: Mask | None
    """None if the call gets it as an argument."""
    user: TypedCall
    reason: str
    """What the layer does instead."""


class MaskEnds(NamedTuple):
    """All findings; each dropped mask once."""

    lost: tuple[LostMask, ...] = ()
    misread: tuple[MisreadMask, ...] = ()
    unfit: tuple[UnfitMask, ...] = ()
    misused: tuple[MisusedMask, ...] = ()
    outputs: Mapping[str, Mask] = MappingProxyType({})
    """The masks of the outputs of the model, by their public names."""


_Masks: TypeAlias = Mapping[str, Mask | None]
_CREATING: Final = ("makes_mask", "mask_of_scores")


def may_have_mask(one: LayerCall) -> bool:
    """Whether a call can be the first with a mask: it creates one, its layer may be one that does,
    or it gets one as an argument.
    """
    if one.layer.supports_masking is None or states(type(one.layer), _CREATING):
        return True
    return any("mask" in argument for argument in one.call.call.inputs or ())


def follow_masks(typed: TypedGraph | None) -> MaskEnds:
    """Every mask that does not reach the layers that use it."""
    if typed is None:
        return MaskEnds()
    walk = _Walk()
    masks = walk.graph(typed, {})
    return MaskEnds(
        tuple(walk.lost.values()),
        tuple(walk.misread.values()),
        tuple(walk.unfit.values()),
        tuple(walk.misused.values()),
        {name: mask for name, mask in masks.items() if mask and here(mask)},
    )


class _Walk:
    """Follows masks through a graph and the sub-models that it calls."""

    def __init__(self) -> None:
        self.lost: dict[int, LostMask] = {}
        self.misread: dict[int, MisreadMask] = {}
        self.unfit: dict[int, UnfitMask] = {}
        self.misused: dict[int, MisusedMask] = {}
        self.runs: dict[tuple[int, tuple[tuple[str, bool, Shape, int], ...]], _Masks] = {}

    def graph(self, typed: TypedGraph, given: _Masks) -> _Masks:
        """The masks of a graph's outputs by their public names. A sub-model is walked once for each
        combination of masked inputs.
        """
        key = (
            id(typed),
            tuple(
                (name, mask.lost is None, mask.shape, mask.carrier_axes)
                for name, mask in given.items()
                if mask
            ),
        )
        if key not in self.runs:
            masks: dict[str, tuple[Mask | None, ...]] = {
                name: (mask,) for name, mask in given.items()
            }
            calls = by_name(typed)
            for call in typed.layers:
                masks[call.name] = self._call(call, masks, typed)
            self.runs[key] = {
                name: _of(ref, masks, calls) for name, ref in typed.graph.outputs.items()
            }
        return self.runs[key]

    def _call(
        self,
        call: TypedCall,
        masks: Mapping[str, tuple[Mask | None, ...]],
        typed: TypedGraph,
    ) -> tuple[Mask | None, ...]:
        """The masks of the outputs of a call."""
        calls = by_name(typed)
        taken = {
            argument: tuple((ref.producer, _of(ref, masks, calls)) for ref in _refs(item))
            for argument, item in (call.call.inputs or {}).items()
        }
        if call.inside is not None:
            assert isinstance(call.call.callee, Graph)
            if call.call.use.around:
                return self._every_step(call, call.inside, taken)
            inside = self.graph(call.inside, {name: items[0][1] for name, items in taken.items()})
            return tuple(inside.values())
        layer = call.call.callee
        if not isinstance(layer, Layer):
            return ()
        if not given(taken):
            self._use(call, layer, taken)
            if self._unfit(call, layer, taken):
                return ()
        if self._misused(call, layer, taken, typed):
            return ()
        shape = given_mask(call, layer, typed)
        if shape is not None:
            made, *others = call.outputs
            steps = shape[1] if len(shape) > 1 else None
            return (Mask(call, steps, shape, made.rank), *(None for _ in others))
        return results(call, layer, taken)

    def _every_step(
        self, call: TypedCall, inside: TypedGraph, taken: Taken
    ) -> tuple[Mask | None, ...]:
        """The mask of the output of wrappers, which is the mask of their input: a step of it is
        passed to the model inside, and the masks created there are dropped.
        """
        around = call.call.use.around
        given = {name: items[0][1] for name, items in taken.items()}
        self.graph(inside, {name: _of_one_step(one, len(around)) for name, one in given.items()})
        mask = next(iter(given.values()))
        return (with_axes(mask, call.outputs[0], around[0]),)

    def _unfit(self, call: TypedCall, layer: Layer, taken: Taken) -> bool:
        """Whether one of the masks has a number of axes that the layer does not accept."""
        for _, mask in (item for items in taken.values() for item in items):
            wanted = layer.mask_rank(mask.carrier_axes) if mask and here(mask) else None
            if mask and wanted is not None and not mask.fits(wanted):
                if call.outputs and layer.takes_mask(mask.shape, call.outputs[0]):
                    continue
                self.unfit.setdefault(id(call), UnfitMask(mask, call, wanted))
                return True
        return False

    def _misused(self, call: TypedCall, layer: Layer, taken: Taken, typed: TypedGraph) -> bool:
        """Whether the layer uses its mask wrongly, given or propagated."""
        explicit = given(taken)
        masks = [mask for items in taken.values() for _, mask in items if mask and here(mask)]
        first = next(iter(call.call.refs()), None)
        x = type_of(first, typed) if first is not None else None
        if x is None or not (explicit or masks):
            return False
        reason = layer.misused_mask(x, explicit)
        if reason is None:
            return False
        found = MisusedMask(None if explicit else masks[0], call, reason)
        self.misused.setdefault(id(call), found)
        return True

    def _use(self, call: TypedCall, layer: Layer, taken: Taken) -> None:
        """Record how a call without an explicit mask uses its masks."""
        if layer.masks_entries:
            mask = next(iter(taken.values()))[0][1]
            if mask is not None and here(mask) and mask.axes < mask.carrier_axes:
                self.misread.setdefault(id(call), MisreadMask(mask, call))
        mask = _used(layer, taken)
        if mask is not None and mask.lost is not None:
            self.lost.setdefault(id(mask.lost), LostMask(mask, mask.lost, call))


def _of_one_step(mask: Mask | None, wrappers: int) -> Mask | None:
    """The mask that a model inside wrappers gets: each wrapper removes the axis of its steps."""
    if mask is None or not here(mask):
        return None
    shape = (*mask.shape[:1], *mask.shape[1 + wrappers :])
    return mask._replace(shape=shape, carrier_axes=mask.carrier_axes - wrappers)


def _refs(item: Ref | tuple[Ref, ...]) -> tuple[Ref, ...]:
    return (item,) if isinstance(item, Ref) else item


def _of(
    ref: Ref, masks: Mapping[str, tuple[Mask | None, ...]], calls: Mapping[str, TypedCall]
) -> Mask | None:
    """The mask of the tensor that a reference names; None if it has none or is unknown."""
    found = masks.get(ref.producer, ())
    index = 0
    if ref.output is not None and ref.producer in calls:
        names = calls[ref.producer].output_names
        index = (
            names.index(ref.output)
            if ref.output in names
            else int(ref.output)
            if ref.output.isdecimal()
            else 0
        )
    return found[index] if index < len(found) else None


def _used(layer: Layer, taken: Taken) -> Mask | None:
    """The dropped mask that a layer would use to skip padding, if no usable mask remains."""
    masks = dict(_by_tensor(layer, taken)) if layer.uses_mask_of else {}
    found = [masks[name] for name in layer.uses_mask_of if name in masks]
    if any(mask is not None and mask.lost is None for mask in found):
        return None
    return found[0] if found else None


def _by_tensor(layer: Layer, taken: Taken) -> Iterator[tuple[str, Mask | None]]:
    """The mask of each input tensor of a layer, as far as Keras passes it: as `mask` for a single
    argument, as `value_mask` for `value` among several.
    """
    arguments = {argument.name: argument for argument in layer.arguments}
    for name, items in taken.items():
        if len(taken) > 1 and f"{name}_mask" not in arguments:
            continue
        names = arguments[name].items if name in arguments else ()
        yield from zip(names or (name,), (mask for _, mask in items), strict=False)

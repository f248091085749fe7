"""The propagation of masks through a graph, as Keras does it while a model runs.

`Embedding` and `Masking` mark steps that are padding. A layer that supports masks propagates them
with its output; most layers do not, and a sum with an unmasked tensor has no mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Shape, Size, Tensor

from ..graph import Graph, Ref
from ..infer import TypedCall, TypedGraph
from .given_masks import given_mask
from .graph_walk import by_name


class Mask(NamedTuple):
    """What is known about the mask of a tensor: the call that created it, and the call that dropped
    it.

    If it is unknown whether a tensor has a mask, it is assumed to have one: nothing is reported.
    """

    made: TypedCall
    steps: Size
    shape: Shape
    """(batch, steps) where it marks the steps of sequences."""
    carrier_axes: int
    """The number of axes of the masked tensor."""
    lost: TypedCall | None = None
    without: str | None = None
    """The unmasked tensor that makes a sum unmasked."""
    sure: bool = True

    @property
    def axes(self) -> int:
        return len(self.shape)

    def fits(self, axes: int) -> bool:
        """Whether it can be used as a mask with this number of axes."""
        return self.axes == axes or (self.axes > axes and set(self.shape[axes:]) == {1})


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


class MaskEnds(NamedTuple):
    """All findings; each dropped mask once."""

    lost: tuple[LostMask, ...] = ()
    misread: tuple[MisreadMask, ...] = ()
    unfit: tuple[UnfitMask, ...] = ()
    outputs: Mapping[str, Mask] = MappingProxyType({})
    """The masks of the outputs of the model, by their public names."""


_Item: TypeAlias = tuple[str, Mask | None]
"""The producer of a tensor, and its mask."""
_Taken: TypeAlias = Mapping[str, tuple[_Item, ...]]
"""By call argument."""
_Masks: TypeAlias = Mapping[str, Mask | None]


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
        {name: mask for name, mask in masks.items() if mask and _here(mask)},
    )


def _here(mask: Mask) -> bool:
    """Whether there certainly is a mask."""
    return mask.lost is None and mask.sure


class _Walk:
    """Follows masks through a graph and the sub-models that it calls."""

    def __init__(self) -> None:
        self.lost: dict[int, LostMask] = {}
        self.misread: dict[int, MisreadMask] = {}
        self.unfit: dict[int, UnfitMask] = {}
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
        if not _given(taken):
            self._use(call, layer, taken)
            if self._unfit(call, layer, taken):
                return ()
        shape = given_mask(call, layer, typed)
        if shape is not None:
            made, *others = call.outputs
            steps = shape[1] if len(shape) > 1 else None
            return (Mask(call, steps, shape, made.rank), *(None for _ in others))
        return _results(call, layer, taken)

    def _every_step(
        self, call: TypedCall, inside: TypedGraph, taken: _Taken
    ) -> tuple[Mask | None, ...]:
        """The mask of the output of wrappers, which is the mask of their input: a step of it is
        passed to the model inside, and the masks created there are dropped.
        """
        around = call.call.use.around
        given = {name: items[0][1] for name, items in taken.items()}
        self.graph(inside, {name: _of_one_step(one, len(around)) for name, one in given.items()})
        mask = next(iter(given.values()))
        return (_with(mask, call.outputs[0], around[0]),)

    def _unfit(self, call: TypedCall, layer: Layer, taken: _Taken) -> bool:
        """Whether one of the masks has a number of axes that the layer does not accept."""
        for _, mask in (item for items in taken.values() for item in items):
            wanted = layer.mask_rank(mask.carrier_axes) if mask and _here(mask) else None
            if mask and wanted is not None and not mask.fits(wanted):
                if call.outputs and layer.takes_mask(mask.shape, call.outputs[0]):
                    continue
                self.unfit.setdefault(id(call), UnfitMask(mask, call, wanted))
                return True
        return False

    def _use(self, call: TypedCall, layer: Layer, taken: _Taken) -> None:
        """Record how a call without an explicit mask uses its masks."""
        if layer.masks_entries:
            mask = next(iter(taken.values()))[0][1]
            if mask is not None and _here(mask) and mask.axes < mask.carrier_axes:
                self.misread.setdefault(id(call), MisreadMask(mask, call))
        mask = _used(layer, taken)
        if mask is not None and mask.lost is not None:
            self.lost.setdefault(id(mask.lost), LostMask(mask, mask.lost, call))


def _of_one_step(mask: Mask | None, wrappers: int) -> Mask | None:
    """The mask that a model inside wrappers gets: each wrapper removes the axis of its steps."""
    if mask is None or not _here(mask):
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


def _given(taken: _Taken) -> bool:
    """Whether a call has an explicit mask."""
    return any("mask" in argument for argument in taken)


def _used(layer: Layer, taken: _Taken) -> Mask | None:
    """The dropped mask that a layer would use to skip padding, if no usable mask remains."""
    masks = dict(_by_tensor(layer, taken)) if layer.uses_mask_of else {}
    found = [masks[name] for name in layer.uses_mask_of if name in masks]
    if any(mask is not None and mask.lost is None for mask in found):
        return None
    return found[0] if found else None


def _by_tensor(layer: Layer, taken: _Taken) -> Iterator[tuple[str, Mask | None]]:
    """The mask of each input tensor of a layer, as far as Keras passes it: as `mask` for a single
    argument, as `value_mask` for `value` among several.
    """
    arguments = {argument.name: argument for argument in layer.arguments}
    for name, items in taken.items():
        if len(taken) > 1 and f"{name}_mask" not in arguments:
            continue
        names = arguments[name].items if name in arguments else ()
        yield from zip(names or (name,), (mask for _, mask in items), strict=False)


def _results(call: TypedCall, layer: Layer, taken: _Taken) -> tuple[Mask | None, ...]:
    """The masks of the output tensors of a layer."""
    if not call.outputs:
        return (None,)
    mask = _result(call, layer, taken)
    if layer.arguments and layer.arguments[0].many:
        return (_with(mask, call.outputs[0], layer),)  # the other outputs of attention are scores
    made = tuple(_with(mask, tensor, layer) for tensor in call.outputs)
    of_scores = _of_scores(call, layer, taken)
    return (*made[:1], of_scores, *made[2:]) if of_scores is not None else made


def _of_scores(call: TypedCall, layer: Layer, taken: _Taken) -> Mask | None:
    """The mask of the scores of attention, which is its attention mask."""
    if len(call.outputs) < 2:
        return None
    masked = {name.removesuffix("_mask") for name in taken if name.endswith("_mask")}
    masked |= {name for name, ((_, mask), *_) in taken.items() if mask and _here(mask)}
    scores = call.outputs[1]
    shape = layer.mask_of_scores(masked, call.call.use.options, scores.shape)
    return None if shape is None else Mask(call, None, shape, scores.rank)


def _with(mask: Mask | None, tensor: Tensor, layer: Layer) -> Mask | None:
    """The mask of a tensor. A dropped mask is tracked along sequences of vectors only:
    (batch, steps, size).
    """
    if mask is None or tensor.rank == 3:
        return mask and mask._replace(carrier_axes=3)
    ends = bool(layer.uses_mask_of) and tensor.rank != mask.carrier_axes
    return mask._replace(carrier_axes=tensor.rank) if _here(mask) and not ends else None


def _result(call: TypedCall, layer: Layer, taken: _Taken) -> Mask | None:
    made = call.outputs[0]
    steps = made.shape[1] if made.rank > 1 else None
    if layer.makes_mask(call.call.use.options):
        return Mask(call, steps, made.shape[:-1], made.rank)
    if layer.supports_masking is None or _given(taken):
        return Mask(call, steps, made.shape[:-1], made.rank, sure=False)
    every = [item for items in taken.values() for item in items]
    if not layer.supports_masking or not layer.passes_mask or layer.joins_masks == "none":
        return _dropped(call, layer, every)
    if layer.joins_masks is not None:
        return _joined(call, layer, every)
    return every[0][1] if every else None


def _joined(call: TypedCall, layer: Layer, every: list[_Item]) -> Mask | None:
    along_steps = layer.joins_masks == "axis" and getattr(layer, "axis", -1) not in (-1, 2)
    mask = _any_of(every) if along_steps else _all_of(call, every)
    if mask is None or layer.joins_masks != "axis":
        return mask
    return mask._replace(
        shape=mask.shape[: mask.carrier_axes - 1]
    )  # Keras expands each mask to the axes of its tensor


def _any_of(every: list[_Item]) -> Mask | None:
    """The mask of concatenated tensors: a mask if any of them has one."""
    return next((mask for _, mask in every if mask and mask.lost is None), None)


def _all_of(call: TypedCall, every: list[_Item]) -> Mask | None:
    """The mask of an elementwise merge: a mask if all tensors have one.

    The earliest drop is reported: a mask that was dropped before, then one that is dropped here.
    """
    masks = [mask for _, mask in every if mask]
    if not masks:
        return None
    if lost := [mask for mask in masks if mask.lost is not None]:
        return lost[0]
    without = [producer for producer, mask in every if mask is None]
    return masks[0]._replace(lost=call, without=without[0]) if without else masks[0]


def _dropped(call: TypedCall, layer: Layer, every: list[_Item]) -> Mask | None:
    """The mask after a layer that does not propagate masks, if its output has steps."""
    mask = next((mask for _, mask in every if mask), None)
    if mask is None or mask.axes != 2 or call.outputs[0].rank != 3:
        return None
    steps = call.outputs[0].shape[1]
    if layer.steps != "resized" and (layer.steps == "rearranged" or steps != mask.steps):
        return None
    return mask._replace(steps=steps, lost=mask.lost or call)

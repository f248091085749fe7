"""The masks of the outputs of a layer, which follow from the masks of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Shape, Size, Tensor

from ..infer import TypedCall


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


Item: TypeAlias = tuple[str, Mask | None]
"""The producer of a tensor, and its mask."""
Taken: TypeAlias = Mapping[str, tuple[Item, ...]]
"""By call argument."""


def here(mask: Mask) -> bool:
    """Whether there certainly is a mask."""
    return mask.lost is None and mask.sure


def given(taken: Taken) -> bool:
    """Whether a call has an explicit mask."""
    return any("mask" in argument for argument in taken)


def results(call: TypedCall, layer: Layer, taken: Taken) -> tuple[Mask | None, ...]:
    """The masks of the output tensors of a layer."""
    if not call.outputs:
        return (None,)
    mask = _result(call, layer, taken)
    if layer.arguments and layer.arguments[0].many:
        return (
            with_axes(mask, call.outputs[0], layer),
        )  # the other outputs of attention are scores
    made = tuple(with_axes(mask, tensor, layer) for tensor in call.outputs)
    of_scores = _of_scores(call, layer, taken)
    return (*made[:1], of_scores, *made[2:]) if of_scores is not None else made


def _of_scores(call: TypedCall, layer: Layer, taken: Taken) -> Mask | None:
    """The mask of the scores of attention, which is its attention mask."""
    if len(call.outputs) < 2:
        return None
    masked = {name.removesuffix("_mask") for name in taken if name.endswith("_mask")}
    masked |= {name for name, ((_, mask), *_) in taken.items() if mask and here(mask)}
    scores = call.outputs[1]
    shape = layer.mask_of_scores(masked, call.call.use.options, scores.shape)
    return None if shape is None else Mask(call, None, shape, scores.rank)


def with_axes(mask: Mask | None, tensor: Tensor, layer: Layer) -> Mask | None:
    """The mask of a tensor. A dropped mask is tracked along sequences of vectors only:
    (batch, steps, size).
    """
    if mask is None or tensor.rank == 3:
        return mask and mask._replace(carrier_axes=3)
    ends = bool(layer.uses_mask_of) and tensor.rank != mask.carrier_axes
    return mask._replace(carrier_axes=tensor.rank) if here(mask) and not ends else None


def _result(call: TypedCall, layer: Layer, taken: Taken) -> Mask | None:
    made = call.outputs[0]
    steps = made.shape[1] if made.rank > 1 else None
    if layer.makes_mask(call.call.use.options):
        return Mask(call, steps, made.shape[:-1], made.rank)
    if layer.supports_masking is None or given(taken):
        return Mask(call, steps, made.shape[:-1], made.rank, sure=False)
    every = [item for items in taken.values() for item in items]
    if not layer.supports_masking or not layer.passes_mask or layer.joins_masks == "none":
        return _dropped(call, layer, every)
    if layer.joins_masks is not None:
        return _joined(call, layer, every)
    return every[0][1] if every else None


def _joined(call: TypedCall, layer: Layer, every: list[Item]) -> Mask | None:
    along_steps = layer.joins_masks == "axis" and getattr(layer, "axis", -1) not in (-1, 2)
    mask = _any_of(every) if along_steps else _all_of(call, every)
    if mask is None or layer.joins_masks != "axis" or mask.lost is not None:
        return mask
    # Keras expands each mask to the axes of its tensor, and joins them like the tensors
    return mask._replace(shape=call.outputs[0].shape[:-1])


def _any_of(every: list[Item]) -> Mask | None:
    """The mask of concatenated tensors: a mask if any of them has one."""
    return next((mask for _, mask in every if mask and mask.lost is None), None)


def _all_of(call: TypedCall, every: list[Item]) -> Mask | None:
    """The mask of an elementwise merge: a mask if all tensors have one.

    The earliest drop is reported: a mask that was dropped before, then one that is dropped here.
    """
    masks = [mask for _, mask in every if mask]
    if not masks:
        return None
    if lost := [mask for mask in masks if mask.lost is not None]:
        return lost[0]
    without = [producer for producer, mask in every if mask is None]
    if without:
        return masks[0]._replace(lost=call, without=without[0])
    return masks[0]._replace(shape=_broadcast([mask.shape for mask in masks]))


def _broadcast(shapes: list[Shape]) -> Shape:
    """The shape of masks that are combined element by element; the first one, if their numbers of
    axes differ.
    """
    if len({len(shape) for shape in shapes}) > 1:
        return shapes[0]
    return tuple(
        next((size for size in sizes if size != 1), 1) for sizes in zip(*shapes, strict=True)
    )


def _dropped(call: TypedCall, layer: Layer, every: list[Item]) -> Mask | None:
    """The mask after a layer that does not propagate masks, if its output has steps."""
    mask = next((mask for _, mask in every if mask), None)
    if mask is None or mask.axes != 2 or call.outputs[0].rank != 3:
        return None
    steps = call.outputs[0].shape[1]
    if layer.steps != "resized" and (layer.steps == "rearranged" or steps != mask.steps):
        return None
    return mask._replace(steps=steps, lost=mask.lost or call)

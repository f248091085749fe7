"""Masks that end before a layer that would use them (`MS540`), and one that comes to a `Softmax`
(`MS542`).

`Embedding` and `Masking` mark steps that are padding. Keras hands the mark on with the tensor while
it runs, from layer to layer, as long as each of them supports it; most do not, and a sum with a
tensor that has no mask has none either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelspec.catalog.layers.layer import Layer
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note
from modelspec.core.shapes import Size

from ..graph import Graph, Ref
from ..infer import TypedCall, TypedGraph

KEEP = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dense",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "GroupNormalization",
        "Identity",
        "LayerNormalization",
        "LeakyReLU",
        "Normalization",
        "PReLU",
        "ReLU",
        "Rescaling",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "TimeDistributed",
        "UnitNormalization",
        "Highway",
        "LayerScale",
        "MaxoutDense",
        "ParametricSoftplus",
        "SReLU",
    }
)
"""Layers whose result has the mask of what they take."""
SUMS = frozenset({"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"})
RECURRENT = frozenset({"Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN"})
ATTENTION = frozenset({"AdditiveAttention", "Attention"})
PROJECTED = frozenset({"GroupQueryAttention", "MultiHeadAttention"})
ALONG_STEPS = frozenset(
    {
        "AveragePooling1D",
        "Conv1D",
        "Conv1DTranspose",
        "Cropping1D",
        "DepthwiseConv1D",
        "LocallyConnected1D",
        "MaxPooling1D",
        "SeparableConv1D",
        "UpSampling1D",
        "ZeroPadding1D",
    }
)
"""Layers after which there are steps still, however many."""
REARRANGE = frozenset({"Dot", "Permute", "Reshape"})
"""Layers after which nobody knows what is a step."""
INSIDE = frozenset({"Pipeline", "SpectralNormalization"})
"""Layers that run others, which decide."""


@dataclass(frozen=True)
class Mask:
    """What is known of the mask of a tensor: where it was made, and the call after which there is
    none.

    Where it cannot be told whether there is one, it is taken to be there: then nothing is said.
    """

    made: TypedCall
    steps: Size
    lost: TypedCall | None = None
    without: str | None = None
    """The tensor without a mask because of which a sum has none."""
    sure: bool = True


_Masks = Mapping[str, Mask | None]


def check_masks(typed: TypedGraph, report: Collector) -> None:
    """Every mask that is lost on its way to a layer that leaves padding out; each loss once."""
    _Walk(report).graph(typed, {})


class _Walk:
    """Follows masks through a graph and the sub-models that it calls."""

    def __init__(self, report: Collector) -> None:
        self.report = report
        self.told: set[int] = set()
        self.runs: dict[tuple[int, tuple[tuple[str, bool], ...]], _Masks] = {}

    def graph(self, typed: TypedGraph, given: _Masks) -> _Masks:
        """The masks of the outputs, by their public names. A sub-model is walked once for each way
        it is masked.
        """
        key = (id(typed), tuple((name, mask.lost is None) for name, mask in given.items() if mask))
        if key not in self.runs:
            masks: dict[str, tuple[Mask | None, ...]] = {
                name: (mask,) for name, mask in given.items()
            }
            calls = {call.name: call for call in typed.layers}
            for call in typed.layers:
                masks[call.name] = self._call(call, masks, calls)
            self.runs[key] = {
                name: _of(ref, masks, calls) for name, ref in typed.graph.outputs.items()
            }
        return self.runs[key]

    def _call(
        self,
        call: TypedCall,
        masks: Mapping[str, tuple[Mask | None, ...]],
        calls: Mapping[str, TypedCall],
    ) -> tuple[Mask | None, ...]:
        """The masks of what a call gives."""
        taken = {
            argument: tuple((ref.producer, _of(ref, masks, calls)) for ref in _refs(item))
            for argument, item in (call.call.inputs or {}).items()
        }
        if call.inside is not None:
            assert isinstance(call.call.callee, Graph)
            inside = self.graph(call.inside, {name: items[0][1] for name, items in taken.items()})
            return tuple(inside.values())
        layer = call.call.callee
        if not isinstance(layer, Layer):
            return ()
        if layer.kind() == "Softmax" and not _given(taken):
            self._check_softmax(call, taken)
        for mask in _used(layer.kind(), taken):
            if mask is not None and mask.lost is not None:
                self._tell(mask, mask.lost, call)
        found = _result(call, layer, taken)
        both = layer.kind() == "Bidirectional" and getattr(layer, "merge_mode", None) is None
        return (found, found) if both else (found,)

    def _check_softmax(self, call: TypedCall, taken: _Taken) -> None:
        """Keras gives it the mask, (batch, steps), for one of the last axes of its input, which it
        cannot be.
        """
        mask = next(iter(taken.values()))[0][1]
        if mask is None or mask.lost or not mask.sure or id(call) in self.told:
            return
        self.told.add(id(call))
        self.report.error(
            "MS542",
            f"the mask of `{mask.made.name}` marks steps, but `{call.name}` takes it for a mask of"
            " single numbers, and fails",
            call.call.use.kind_span,
            notes=[Note(f"`{mask.made.name}` makes it", mask.made.call.use.kind_span)],
            help=(
                "write `Activation: softmax`, which leaves the mask alone"
                if _last(call)
                else "use an `Expression` with `softmax`, which ends the mask"
            ),
        )

    def _tell(self, mask: Mask, lost: TypedCall, user: TypedCall) -> None:
        if id(lost) in self.told:
            return
        self.told.add(id(lost))
        why = (
            f"`{mask.without}`, which it takes too, has none"
            if mask.without
            else f"`{_kind(lost)}` hands no mask on"
        )
        help = (
            f"give `{mask.without}` a mask of the same steps, or leave `{mask.made.name}`"
            " without one"
            if mask.without
            else f"put `{lost.name}` where no mask is, or leave `{mask.made.name}` without one"
        )
        self.report.warning(
            "MS540",
            f"the mask of `{mask.made.name}` ends at `{lost.name}`: {why}, so `{user.name}` takes"
            " padding for data",
            lost.call.use.kind_span,
            notes=[
                Note(f"`{mask.made.name}` makes it", mask.made.call.use.kind_span),
                Note(f"`{user.name}` would use it", user.call.use.kind_span),
            ],
            help=help,
        )


def _last(call: TypedCall) -> bool:
    """Whether a `Softmax` is one along the last axis."""
    return getattr(call.call.callee, "axis", -1) in (-1, 2)


def _kind(call: TypedCall) -> str:
    return call.call.callee.kind() if isinstance(call.call.callee, Layer) else call.kind


_Taken = Mapping[str, tuple[tuple[str, Mask | None], ...]]
"""By call argument: the tensors' producers and masks."""


def _refs(item: Ref | tuple[Ref, ...]) -> tuple[Ref, ...]:
    return (item,) if isinstance(item, Ref) else item


def _of(
    ref: Ref, masks: Mapping[str, tuple[Mask | None, ...]], calls: Mapping[str, TypedCall]
) -> Mask | None:
    """The mask of the tensor that a reference names; None where it has none, or nothing is known of
    it.
    """
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


def _used(kind: str, taken: _Taken) -> tuple[Mask | None, ...]:
    """The masks that a layer would use; those of attention are of what it looks at, not of what
    looks.
    """
    if _given(taken):
        return ()
    first = next(iter(taken.values()), ())
    if kind == "GlobalAveragePooling1D" or (
        kind in RECURRENT and len(taken) == 1
    ):  # one with a state gets no mask
        return (first[0][1],)
    if kind in ATTENTION:
        return (first[1][1],)
    if kind in PROJECTED and not any(
        mask and mask.lost is None for _, mask in taken.get("key", ())
    ):
        return (taken["value"][0][1],)
    return ()


def _given(taken: _Taken) -> bool:
    """Whether a call is given a mask of its own."""
    return any("mask" in argument for argument in taken)


def _result(call: TypedCall, layer: Layer, taken: _Taken) -> Mask | None:
    """The mask of the first tensor that a layer gives. Only sequences of vectors are followed:
    (batch, steps, size).
    """
    if not call.outputs or call.outputs[0].rank != 3:
        return None
    kind = layer.kind()
    steps = call.outputs[0].shape[1]
    if kind == "Masking" or _masks_zero(kind, layer, call):
        return Mask(call, steps)
    if kind in INSIDE or _given(taken):
        return Mask(call, steps, sure=False)
    every = [item for items in taken.values() for item in items]
    if kind == "Concatenate":
        return _joined(call, every, getattr(layer, "axis", -1) in (-1, 2))
    if kind in SUMS:
        return _joined(call, every, True)
    first = every[0][1] if every else None
    if kind in KEEP or kind in ATTENTION or kind in PROJECTED or kind in RECURRENT:
        return first
    mask = next((mask for _, mask in every if mask), None)
    return _dropped(call, kind, mask) if mask else None


def _masks_zero(kind: str, layer: Layer, call: TypedCall) -> bool:
    if kind not in ("Embedding", "ReversibleEmbedding") or call.call.use.options.get("reverse"):
        return False
    return bool(getattr(layer, "mask_zero", False))


def _joined(call: TypedCall, every: list[tuple[str, Mask | None]], needs_all: bool) -> Mask | None:
    """Of several tensors: a sum has a mask where all have one, and joined features count where any
    of them does.

    What comes first is what is told: a mask that was lost before, then one that is lost here.
    """
    masks = [mask for _, mask in every if mask]
    if not masks or not needs_all:
        return next((mask for mask in masks if mask.lost is None), None)
    if lost := next((mask for mask in masks if mask.lost is not None), None):
        return lost
    without = next((producer for producer, mask in every if mask is None), None)
    return replace(masks[0], lost=call, without=without) if without else masks[0]


def _dropped(call: TypedCall, kind: str, mask: Mask) -> Mask | None:
    """After a layer that hands no mask on, as long as what it gives has steps."""
    steps = call.outputs[0].shape[1]
    if kind not in ALONG_STEPS and (kind in REARRANGE or steps != mask.steps):
        return None
    return replace(mask, steps=steps, lost=mask.lost or call)

"""A layer of the model that changes examples in training but not their targets."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Shape

from ..infer import TypedCall, TypedGraph
from ..spec.augment_section import places, same_places
from .case import Case
from .graph_walk import layer_of
from .layer_calls import LayerCall


def check(case: Case) -> None:
    """Check every layer that an output with a loss depends on."""
    if case.typed is None or not any(map(_is_affected, case.layers.stating("training_only"))):
        return
    for one in case.trained:
        for call, layer in _before(one.head.call.name, case.typed):
            if layer.mixes_examples:
                case.report.warning(
                    "MS582",
                    f"`{call.kind}` mixes each example with another one, but the targets of"
                    f" `{one.head.output}` do not change",
                    call.call.use.kind_span,
                    help=f"move it to `data`: `augment: [{call.kind}]` mixes the targets too",
                )
            elif layer.one_in_batch:
                case.report.warning(
                    "MS582",
                    f"inside a model, `{call.kind}` replaces each image that it changes by one made"
                    " from the first image of the batch",
                    call.call.use.kind_span,
                    help="move it to `augment` of `data`, which passes one image at a time",
                )
            elif _moves(call, layer, one.head.tensor.shape):
                case.report.warning(
                    "MS582",
                    f"`{call.kind}` moves the content of the image, but the target of"
                    f" `{one.head.output}` of the same height and width does not move",
                    call.call.use.kind_span,
                    help="move it to `data`: `augment: {layers: [...], on: [image, mask]}`",
                )


def _is_affected(one: LayerCall) -> bool:
    layer = one.layer
    return layer.mixes_examples or layer.one_in_batch or layer.moves_values


def _moves(call: TypedCall, layer: Layer, output: Shape) -> bool:
    data_format = getattr(layer, "data_format", None)
    found = places(call.outputs[0].shape, data_format) if call.outputs else None
    return layer.moves_values and bool(same_places(found, places(output, data_format)))


def _before(name: str, typed: TypedGraph) -> Iterator[tuple[TypedCall, Layer]]:
    """The calls of training-only layers that a tensor depends on."""
    waiting, seen = [name], {name}
    while waiting:
        call = typed.by_name.get(waiting.pop())
        if call is None:
            continue
        layer = layer_of(call)
        if layer is not None and layer.training_only and _in_training(call):
            yield call, layer
        for ref in call.call.refs():
            if ref.producer not in seen:
                seen.add(ref.producer)
                waiting.append(ref.producer)


def _in_training(call: TypedCall) -> bool:
    return call.call.use.options.get("training") is not False

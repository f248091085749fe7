"""Layers that work against their neighbours (`MS524` to `MS527`)."""

from __future__ import annotations

from modelspec.catalog.components.loss import Loss
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note, Span
from modelspec.core.source import locate

from ..graph import Ref
from ..infer import TypedCall, TypedGraph
from ..spec.training_section import Training
from .heads import Head

DROPOUT = frozenset(
    {
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "GaussianDropout",
        "AlphaDropout",
    }
)
SQUASHING = frozenset(
    {"sigmoid", "tanh", "softmax", "softsign", "hard_sigmoid", "hard_tanh", "relu6"}
)
WITH_BIAS = (
    "Dense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)


def check_layers(typed: TypedGraph, report: Collector, seen: set[int] | None = None) -> None:
    """What can be said of a graph without its training; of a shared model once for all calls that
    infer it alike.
    """
    seen = set() if seen is None else seen
    seen.add(id(typed))
    calls = {call.name: call for call in typed.layers}
    takers: dict[str, int] = {}
    for call in typed.layers:
        for ref in call.call.refs():
            takers[ref.producer] = takers.get(ref.producer, 0) + 1
    for call in typed.layers:
        if call.kind == "Embedding":
            _check_vocabulary(call, calls, report)
        elif call.kind == "BatchNormalization":
            _check_bias(call, calls, takers, report)
        if call.inside is not None and id(call.inside) not in seen:
            check_layers(call.inside, report, seen)


def check_last_layers(
    typed: TypedGraph, heads: dict[str, Head], training: Training, report: Collector
) -> None:
    """What comes out of the model, against what it is trained to be."""
    calls = {call.name: call for call in typed.layers}
    for public, ref in typed.graph.outputs.items():
        last = calls.get(ref.producer)
        if last is not None and last.kind in DROPOUT:
            report.warning(
                "MS525",
                f"`{last.name}` drops parts of output `{public}` itself",
                last.call.use.kind_span,
                help="put it before the last layer with weights, or remove it",
            )
    for output, head in heads.items():
        loss = training.losses.get(output)
        numbers = (
            loss is not None
            and isinstance(loss.settings, Loss)
            and loss.settings.targets == "numbers"
        )
        scalar = (
            head.units == 1 and head.tensor.rank == 2
        )  # an image's sigmoid usually meets scaled pixels
        if loss is not None and numbers and scalar and head.activation in SQUASHING:
            report.warning(
                "MS526",
                f"output `{output}` cannot leave the range of its {head.activation}, but "
                f"`{loss.written}` trains it to be any number",
                head.span,
                notes=[Note("the loss", loss.span)],
                help="remove the activation, or scale the target to the same range",
            )


def _producer(call: TypedCall, calls: dict[str, TypedCall]) -> TypedCall | None:
    given = (call.call.inputs or {}).values()
    ref = next(iter(given), None)
    return calls.get(ref.producer) if isinstance(ref, Ref) else None


def _check_vocabulary(call: TypedCall, calls: dict[str, TypedCall], report: Collector) -> None:
    """An embedding has a row for every index that the layer before it can give."""
    source = _producer(call, calls)
    tokens = _indices(source.call.callee) if source else None
    rows = getattr(call.call.callee, "input_dim", None)
    if source is None or tokens is None or not isinstance(rows, int) or tokens <= rows:
        return
    report.error(
        "MS524",
        f"`{source.name}` gives indices up to {tokens - 1}, but `{call.name}` has {rows} rows",
        _setting(call, "input_dim"),
        notes=[Note(f"`{source.name}`", source.call.use.kind_span)],
        help=f"use `input_dim: {tokens}`",
    )


def _indices(layer: object) -> int | None:
    """How many different indices a preprocessing layer gives, where its settings say."""
    if getattr(layer, "output_mode", None) != "int":
        return None
    sizes = (getattr(layer, name, None) for name in ("depth", "max_tokens", "num_bins"))
    return next((size for size in sizes if isinstance(size, int)), None)


def _check_bias(
    call: TypedCall, calls: dict[str, TypedCall], takers: dict[str, int], report: Collector
) -> None:
    """A bias right before a normalization is taken out again by it: a note, nothing is wrong.

    One that is written, `use_bias: true`, is meant: weights from elsewhere may have it.
    """
    source = _producer(call, calls)
    if source is None or source.kind not in WITH_BIAS or source.shared or takers[source.name] > 1:
        return
    layer = source.call.callee
    if "use_bias" in getattr(layer, "model_fields_set", ()):
        return
    if getattr(layer, "use_bias", False) and getattr(layer, "activation", None) in (None, "linear"):
        report.note(
            "MS527",
            f"the bias of `{source.name}` has no effect: `{call.name}` takes it out again",
            source.call.use.kind_span,
            help=f"give `{source.name}` `use_bias: false`, or `true` if meant",
        )


def _setting(call: TypedCall, name: str) -> Span:
    body = call.call.use.body
    found = locate(body, (name,), whole=True) if body is not None else None
    return found or call.call.use.kind_span

"""A bias that the normalization after it cancels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..infer import TypedCall, TypedGraph
from .case import Case
from .graph_walk import by_name, layer_of, producer


def check(case: Case) -> None:
    """Check every normalization of channels that subtracts the mean of the batch."""
    if case.typed is None or not case.layers.stating("removes_channel_mean"):
        return
    graphs = _trained(case.typed)
    for typed in {id(graph): graph for graph in graphs}.values():
        for call, source in _normalized(typed):
            if _has_bias(source):
                case.report.note(
                    "MS527",
                    f"the bias of `{source.name}` has no effect: `{call.name}` cancels it",
                    source.call.use.kind_span,
                    help=f"give `{source.name}` `use_bias: false`, or `use_bias: true` if it is"
                    " intended",
                )


def _trained(typed: TypedGraph) -> Iterator[TypedGraph]:
    """The graph and its nested graphs that are trained. A normalization that is frozen or called
    with `training: false` subtracts its moving mean: the bias then has an effect.
    """
    if not typed.graph.trainable:
        return
    yield typed
    for call in typed.layers:
        if call.inside is not None and not _as_in_use(call):
            yield from _trained(call.inside)


def _as_in_use(call: TypedCall) -> bool:
    return call.call.use.options.get("training") is False


def _normalized(typed: TypedGraph) -> list[tuple[TypedCall, TypedCall]]:
    """Each normalization, and the call whose output only it consumes."""
    calls = by_name(typed)
    takers = Counter(ref.producer for call in typed.layers for ref in call.call.refs())
    found = []
    for call in typed.layers:
        layer, source = layer_of(call), producer(call, calls)
        if layer is None or source is None or not layer.removes_channel_mean:
            continue
        if not layer.trainable or _as_in_use(call):
            continue
        if not source.shared and takers[source.name] == 1:
            found.append((call, source))
    return found


def _has_bias(call: TypedCall) -> bool:
    """Whether the layer adds a bias last. An explicit `use_bias: true` is intended: imported
    weights may contain the bias.
    """
    layer = layer_of(call)
    if layer is None or not layer.channel_bias or "use_bias" in layer.model_fields_set:
        return False
    activation = getattr(layer, "activation", None)
    return bool(getattr(layer, "use_bias", False)) and activation in (None, "linear")

"""A bias that the normalization after it takes out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..infer import TypedCall, TypedGraph
from .case import Case
from .graph_walk import by_name, layer_of, producer


def check(case: Case) -> None:
    """Every normalization of channels that takes out the mean of a batch."""
    graphs = _trained(case.typed) if case.typed is not None else ()
    for typed in {id(graph): graph for graph in graphs}.values():
        for call, source in _normalized(typed):
            if _has_bias(source):
                case.report.note(
                    "MS527",
                    f"the bias of `{source.name}` has no effect: `{call.name}` takes it out again",
                    source.call.use.kind_span,
                    help=f"give `{source.name}` `use_bias: false`, or `true` if meant",
                )


def _trained(typed: TypedGraph) -> Iterator[TypedGraph]:
    """The graph and those inside it that are trained. A frozen normalization, and one that is
    called with `training: false`, takes out the means that it learned before: the bias then counts.
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
    """Each normalization, and the call whose result it alone takes."""
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
    """Whether it adds a bias last. One that is written, `use_bias: true`, is meant: weights from
    elsewhere may have it.
    """
    layer = layer_of(call)
    if layer is None or not layer.channel_bias or "use_bias" in layer.model_fields_set:
        return False
    activation = getattr(layer, "activation", None)
    return bool(getattr(layer, "use_bias", False)) and activation in (None, "linear")

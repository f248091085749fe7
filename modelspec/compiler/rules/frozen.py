"""Names of layers in `training` (`MS531` to `MS533`): what is frozen, and what keeps its fresh
weights.
"""

from __future__ import annotations

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.source import Mapping, Node, Scalar, Sequence, locate

from ..graph import Graph
from ..infer import TypedGraph
from ..infer.freeze import layer_paths
from ..spec.initial_weights import matches
from ..spec.training_section import Training

_WILD = "*?[]"


def check_frozen(typed: TypedGraph, training: Training, report: Collector) -> None:
    """Patterns that name no layer, or layers without weights, or every layer that could be
    trained.
    """
    complete = len(typed.layers) == len(typed.graph.calls)
    paths = {path for path, _ in layer_paths(typed.graph)}
    with_weights = _with_weights(typed, "") if complete else paths
    for pattern, place in _written(training, ("freeze",)):
        _check(pattern, paths, with_weights, place, typed.graph, report)
    for pattern, place in _written(training, ("weights", "skip")):
        _check(pattern, paths, paths, place, typed.graph, report)
    if training.freeze and complete and typed.parameters and typed.trainable_parameters == 0:
        report.warning(
            "MS532",
            "every layer with weights is frozen: nothing is left to be trained",
            locate(training.node, ("freeze",)) or training.span,
            help="leave out the layers that should learn",
        )


def _written(training: Training, path: tuple[str, ...]) -> list[tuple[str, Span]]:
    """The patterns at a key, each with its place; also where something else of the section is in
    error.
    """
    node: Node = training.node
    for key in path:
        if not isinstance(node, Mapping) or key not in node.entries:
            return []
        node = node.entries[key].value
    items = node.items if isinstance(node, Sequence) else (node,)
    texts = [
        item
        for item in items
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.value
    ]
    return [(str(item.value), item.span) for item in texts]


def _with_weights(typed: TypedGraph, prefix: str) -> set[str]:
    found: set[str] = set()
    for layer in typed.layers:
        path = f"{prefix}{layer.shared or layer.name}"
        if layer.weights:
            found.add(path)
        if layer.inside is not None:
            found |= _with_weights(layer.inside, f"{path}/")
    return found


def _check(
    pattern: str,
    paths: set[str],
    with_weights: set[str],
    span: Span,
    graph: Graph,
    report: Collector,
) -> None:
    named = [path for path in paths if matches(pattern, path)]
    if not named:
        near = _meant(pattern, paths, graph)
        exact = near if near and not any(sign in pattern for sign in _WILD) else None
        report.error(
            "MS531",
            f"no layer of the model is named `{pattern}`",
            span,
            suggestion=exact,
            help=(
                f"did you mean `{near}`?"
                if near
                else "`modelspec show` lists the names of its layers"
            ),
        )
    elif not with_weights.intersection(named):
        report.warning(
            "MS533",
            f"`{pattern}` names layers without weights: there is nothing in them to freeze",
            span,
            help="name the layers whose weights should stay, or remove it",
        )


def _meant(pattern: str, paths: set[str], graph: Graph) -> str | None:
    """The layer that a pattern was most likely meant to name: for a call of something shared, what
    is called.
    """
    called = {call.name: call.shared for call in graph.calls if call.shared}
    if pattern in called:
        return called[pattern]
    return nearest(pattern.translate({ord(sign): None for sign in _WILD}), sorted(paths))

"""Names and patterns of layers in `training`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from modelspec.core.diagnostics import Span
from modelspec.core.records import NamedTuple
from modelspec.core.source import Mapping, Node, Scalar, Sequence

from ..infer import TypedGraph
from ..infer.freeze import inner_layers, layer_paths
from ..spec.initial_weights import MOST_WILD, is_wild, matcher
from ..spec.training_section import Training

FREEZE, SKIP, ONLY = ("freeze",), ("weights", "skip"), ("weights", "only")
ADAPTED, TRAINED = ("lora", "layers"), ("lora", "train")


class Pattern(NamedTuple):
    """One pattern, and the layers that it matches."""

    text: str
    span: Span
    named: frozenset[str]


def patterns(
    typed: TypedGraph,
    training: Training,
    key: tuple[str, ...],
    inner: Callable[[], Iterable[str]] = tuple,
) -> list[Pattern]:
    """The patterns at a key, even if another part of the section has errors. `inner` gives the
    paths of layers inside layers that they can match too; most specs have no pattern.
    """
    written = _written(training, key)
    if not written:
        return []
    paths = all_paths(typed).union(inner())
    if sum(is_wild(text) for text, _ in written) > MOST_WILD:
        return []  # reported by the reader
    return [Pattern(text, span, _named(text, paths)) for text, span in written]


def _named(pattern: str, paths: set[str]) -> frozenset[str]:
    """The paths of the layers that a pattern matches."""
    if is_wild(pattern):
        return frozenset(filter(matcher(pattern), paths))
    return frozenset((pattern,)) & paths


def all_paths(typed: TypedGraph) -> set[str]:
    """The path of every layer; layers of a sub-model, or inside a layer, are below its path."""
    found: set[str] = set()
    for path, call in layer_paths(typed.graph):
        found.add(path)
        found.update(f"{path}/{inner}" for inner in inner_layers(call))
    return found


def complete(typed: TypedGraph) -> bool:
    """Whether every layer could be inferred, and every output is known."""
    return typed.is_whole


def paths_with_weights(typed: TypedGraph, prefix: str = "") -> set[str]:
    """The paths of layers with weights, for a complete graph."""
    found: set[str] = set()
    for layer in typed.layers:
        path = f"{prefix}{layer.shared or layer.name}"
        if layer.weights:
            found.add(path)
            found.update(f"{path}/{inner}" for inner in inner_layers(layer.call))
        if layer.inside is not None:
            found |= paths_with_weights(layer.inside, f"{path}/")
    return found


def _written(training: Training, key: tuple[str, ...]) -> list[tuple[str, Span]]:
    node: Node = training.node
    for step in key:
        if not isinstance(node, Mapping) or step not in node.entries:
            return []
        node = node.entries[step].value
    items = node.items if isinstance(node, Sequence) else (node,)
    texts = [
        item
        for item in items
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.value
    ]
    return [(str(item.value), item.span) for item in texts]

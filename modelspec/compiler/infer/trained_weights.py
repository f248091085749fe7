"""The trained weights, by their Keras paths, and the optimizer of each."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components.optimizer import Gradient, Optimizer
from modelspec.catalog.layers.layer import Weight
from modelspec.core.records import NamedTuple

from ..spec.training_section import Training
from .typed_graph import TypedGraph


class TrainedWeight(NamedTuple):
    """The path of one weight: the name of its layer, and its own name, without sub-models."""

    path: str
    weight: Weight


def trained_weights(
    typed: TypedGraph, seen: set[tuple[int, str]] | None = None
) -> Iterator[TrainedWeight]:
    """Every trained weight once, even if several calls share it; no frozen weights."""
    seen = set() if seen is None else seen
    if not typed.graph.trainable:
        return
    for call in typed.alive:
        if call.inside is not None:
            yield from trained_weights(call.inside, seen)
            continue
        owner, name = id(call.call.callee if call.shared else call.call), call.shared or call.name
        for weight in call.weights:
            key = (owner, weight.name)
            if weight.trainable and key not in seen:
                seen.add(key)
                yield TrainedWeight(f"{name}/{weight.name}", weight)


def with_optimizers(
    typed: TypedGraph, training: Training
) -> Iterator[tuple[TrainedWeight, Gradient]]:
    """Each weight with its optimizer; weights with two optimizers are left out (MS591)."""
    if training.choices is None:
        return
    optimizer = training.optimizer
    if not isinstance(optimizer, Optimizer):
        return
    by_path = optimizer.by_path
    if by_path is None:
        for gradient in optimizer.gradients[:1]:
            yield from ((one, gradient) for one in trained_weights(typed))
        return
    for one in trained_weights(typed):
        keys = by_path.assigned(one.path)
        if len(keys) > 1:
            continue
        chosen = by_path.optimizer_map[keys[0]] if keys else by_path.default_optimizer
        yield from ((one, gradient) for gradient in chosen.gradients)

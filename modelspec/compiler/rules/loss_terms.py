"""What the total loss of a training is added up from, by shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.catalog.components import REGULARIZERS
from modelspec.catalog.components.regularizers import Regularizer
from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Shape

from ..infer import TypedCall, TypedGraph
from ..infer.shared import nested
from .case import Case
from .graph_walk import layer_of
from .trained_outputs import TrainedOutput
from .weight_settings import components, weights_of

_OUTPUT = "activity"


class Term(NamedTuple):
    """The loss of one output."""

    output: TrainedOutput
    shape: Shape
    """That of what is added up: no axis for a number."""


def terms(case: Case) -> Iterator[Term]:
    """The loss of each output in order; those of unknown shape left out."""
    for one in case.trained:
        shape = () if one.settings.reduced else one.settings.values(one.head.tensor.shape)
        if shape is not None and not one.misfits:
            yield Term(one, shape)


def penalty(graphs: tuple[TypedGraph, ...]) -> TypedCall | None:
    """The first call of a layer that adds a number to the loss."""
    for typed in graphs:
        for call in typed.layers:
            layer = layer_of(call)
            if layer is not None and any(_adds(call, one) for one in nested(layer)):
                return call
    return None


def _adds(call: TypedCall, layer: Layer) -> bool:
    if layer.adds_to_loss:
        return True
    return any(
        what == _OUTPUT or any(weight.trainable for weight in weights_of(call, what))
        for what, _ in components(layer, "_regularizer", REGULARIZERS, Regularizer)
    )

"""The terms of the total loss of a training, with their shapes."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import REGULARIZERS
from modelspec.catalog.components.regularizers import Regularizer
from modelspec.catalog.formula.elementwise import BATCH
from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Shape

from ..infer import TypedCall, TypedGraph
from ..infer.shared import nested
from .case import Case
from .graph_walk import distinct, layer_of
from .trained_outputs import TrainedOutput
from .weight_settings import components, regularized
from .weighted_values import with_batch

_OUTPUT = "activity"


class Term(NamedTuple):
    """The loss of one output."""

    output: TrainedOutput
    shape: Shape
    """The shape of the term; no axes for a scalar."""


def terms(case: Case) -> Iterator[Term]:
    """The loss of each output in order, without those of unknown shape."""
    for one in case.trained:
        shape = () if one.settings.reduced else unreduced(one)
        if shape == () and not one.settings.reduced and case.weighs_examples:
            shape = (BATCH,)  # one scalar, times the weight of each
        if shape is not None and not one.misfits:
            yield Term(one, shape)


def unreduced(one: TrainedOutput) -> Shape | None:
    """The shape of the losses of a batch, in which the size of the batch axis is `BATCH` if the
    spec does not fix it; None if unknown.
    """
    return one.settings.values(with_batch(one.head.tensor.shape))


def penalty(graph: TypedGraph) -> TypedCall | None:
    """The first active call of a layer that adds a scalar to the loss."""
    for typed in distinct(graph, running=True):
        for call in typed.alive:
            layer = layer_of(call)
            if layer is not None and any(_adds(call, one) for one in nested(layer)):
                return call
    return None


def _adds(call: TypedCall, layer: Layer) -> bool:
    if layer.adds_to_loss:
        return True
    return any(
        what == _OUTPUT or any(regularized(call, what))
        for what, _ in components(layer, "_regularizer", REGULARIZERS, Regularizer)
    )

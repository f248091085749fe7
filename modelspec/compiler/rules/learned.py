"""Layers that learn what they are from the data before training, where nothing has them do so
(`MS541`).
"""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.collector import Collector
from modelspec.core.diagnostics.derived import origin_of

from ..infer import TypedCall, TypedGraph
from ..infer.shared import nested
from ..spec.training_section import Training

NEEDS = {
    "Discretization": "bin_boundaries",
    "IntegerLookup": "vocabulary",
    "StringLookup": "vocabulary",
    "TextVectorization": "vocabulary",
}
"""Layers that fail at the first batch without this setting."""


def check_learned(typed: TypedGraph, training: Training, report: Collector) -> None:
    """Lookups without a vocabulary, and normalization without a mean, inside of a model that is to
    be trained.

    Only a `transform` is fitted to the data. A file of weights has the mean of a `Normalization`,
    and no vocabulary.
    """
    _check(typed, training.weights is None, report, set())


def _check(typed: TypedGraph, fresh: bool, report: Collector, seen: set[int]) -> None:
    seen.add(id(typed))
    for call in typed.layers:
        layer = call.call.callee
        if call.inside is not None and id(call.inside) not in seen:
            _check(call.inside, fresh, report, seen)
        elif isinstance(layer, Layer) and id(layer) not in seen:
            seen.add(id(layer))
            for one in nested(layer):
                _check_layer(one, call, fresh, report)


def _check_layer(layer: Layer, call: TypedCall, fresh: bool, report: Collector) -> None:
    place = call.call.use.kind_span
    setting = NEEDS.get(layer.kind())
    if setting is not None and getattr(layer, setting) is None:
        report.error(
            "MS541",
            f"`{layer.kind()}` in a model has to be given its `{setting}`: training does not learn "
            "it",
            place,
            help=(
                f"write `{setting}`, or put the layer into a `transform` under `data.inputs`, which"
                " learns it from the training data"
            ),
        )
    elif (
        layer.kind() == "Normalization"
        and fresh
        and getattr(layer, "mean", None) is None
        and not origin_of(place).source.shipped
    ):
        report.warning(
            "MS541",
            "`Normalization` without `mean` and `variance` changes nothing: training does not "
            "learn them",
            place,
            help=(
                "write both, or put the layer into a `transform` under `data.inputs`, which learns"
                " them from the training data; `BatchNormalization` learns its own"
            ),
        )

"""A layer that adapts to data, inside a model, where it is never adapted."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics.derived import origin_of

from ..infer import TypedCall
from .case import Case


def check(case: Case) -> None:
    """Check every layer of a model with training, nested layers included. Only the layers of a
    `transform` are adapted to the data.
    """
    if case.fitting is None:
        return
    seen: set[int] = set()
    for call, layer, parts, _ in case.layers.stating("adapts"):
        if id(layer) not in seen:
            seen.add(id(layer))
            for one in parts:
                _check(case, one, call)


def _check(case: Case, layer: Layer, call: TypedCall) -> None:
    if not layer.adapts or getattr(layer, layer.adapts[0]) is not None:
        return
    if not layer.adapts_weights:
        _fails(case, layer, call)
    elif case.fitting is not None and case.fitting.weights is None:
        _does_nothing(case, layer, call)


def _fails(case: Case, layer: Layer, call: TypedCall) -> None:
    """Report a layer that fails at the first batch, even with loaded weights."""
    named = _named(layer)
    case.report.error(
        "MS541",
        f"`{layer.kind()}` in a model requires {named}: training does not learn {_pronoun(layer)}",
        call.call.use.kind_span,
        help=(
            f"set {named}, or move the layer to a `transform` under `data.inputs`, which"
            f" learns {_pronoun(layer)} from the training data"
        ),
    )


def _does_nothing(case: Case, layer: Layer, call: TypedCall) -> None:
    """Report a layer that keeps its initial values, unless a weights file sets them."""
    if origin_of(call.call.use.kind_span).source.shipped:
        return
    alike = "; `BatchNormalization` learns its own" if "mean" in layer.adapts else ""
    case.report.warning(
        "MS541",
        f"`{layer.kind()}` without {_named(layer)} changes nothing: training does not learn"
        f" {_pronoun(layer)}",
        call.call.use.kind_span,
        help=(
            f"set {'both' if len(layer.adapts) == 2 else _named(layer)}, or move the layer to a"
            f" `transform` under `data.inputs`, which learns {_pronoun(layer)} from the training"
            f" data{alike}"
        ),
    )


def _named(layer: Layer) -> str:
    return " and ".join(f"`{setting}`" for setting in layer.adapts)


def _pronoun(layer: Layer) -> str:
    return "them" if len(layer.adapts) > 1 else "it"

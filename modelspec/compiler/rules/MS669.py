"""Something in a model that only a transform can learn."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer

from .case import Case


def check(case: Case) -> None:
    """Every layer of the model, and of its sub-models."""
    for graph in case.graphs:
        for call in graph.layers:
            layer = call.call.callee
            if isinstance(layer, Layer) and layer.prepares_only:
                case.report.error(
                    "MS669",
                    f"`learned` of `{layer.kind()}` has no rows to learn from in a model",
                    call.call.use.kind_span,
                    help="put the entry into the `transform` of a feature under `data`",
                )

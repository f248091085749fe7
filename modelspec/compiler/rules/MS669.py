"""A `learned` formula in a model, which only a transform supports."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every layer of the model and of its sub-models."""
    for call, layer, _, _ in case.layers.stating("prepares_only"):
        if layer.prepares_only:
            case.report.error(
                "MS669",
                f"`learned` of `{layer.kind()}` is not supported in a model, which has no rows"
                " to learn from",
                call.call.use.kind_span,
                help="move the entry to the `transform` of a feature under `data`",
            )

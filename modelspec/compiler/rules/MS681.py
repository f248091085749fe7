"""A shared vocabulary in a model, which has no features to share it."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.vocabulary_setting import VocabularyOf

from .case import Case
from .graph_walk import setting_span


def check(case: Case) -> None:
    """Check every layer of the model and of its sub-models."""
    for call, layer, parts, _ in case.layers.stating("vocabulary"):
        if any(map(_shares, parts)):
            case.report.error(
                "MS681",
                f"`{layer.kind()}` in a model cannot share the vocabulary of an input",
                setting_span(call, "vocabulary") or call.call.use.kind_span,
                help="move it to the `transform` of a feature under `data`",
            )


def _shares(layer: Layer) -> bool:
    return isinstance(getattr(layer, "vocabulary", None), VocabularyOf)

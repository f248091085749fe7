"""Short summaries of what the layers of a transform learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.catalog.layers.text_vectorization import TextVectorization
from modelspec.catalog.layers.tokenizers import Tokenizer

from .profile import TOKENS, Learned
from .state_arrays import Arrays
from .tokenizers import tokens_of


def learned_of(
    layers: tuple[Layer, ...], learned: tuple[Mapping[str, Any] | None, ...]
) -> tuple[Learned, ...]:
    """A summary of what each layer of a transform learned from the training split."""
    return tuple(
        Learned(layer.kind(), _facts(layer, known))
        for layer, known in zip(layers, learned, strict=False)
        if known
    )


def _facts(layer: Layer, known: Mapping[str, Any]) -> dict[str, Any]:
    state = known.get("state")
    if isinstance(layer, Tokenizer) and layer.is_adapted:
        every = list(tokens_of(layer))
        return {"tokens": len(every), "first": every[:TOKENS], "length": layer.length}
    if isinstance(state, Arrays):  # of a transform of a plugin
        return state.facts()
    statistics = known.get("learned")
    if isinstance(statistics, Mapping):  # of an `Expression`, by name in its formula
        return dict(statistics)
    if not isinstance(layer, (Lookup, TextVectorization)):
        return {name: value for name, value in known.items() if value is not None}
    tokens = known.get("vocabulary")
    if tokens is None:
        return dict(known)
    found: dict[str, Any] = {"tokens": len(tokens), "first": list(tokens[:TOKENS])}
    if "output_sequence_length" in known:
        found["output_sequence_length"] = known["output_sequence_length"]
    return found

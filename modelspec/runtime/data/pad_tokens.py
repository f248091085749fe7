"""Padding is not a value: the token that a layer of a transform leaves out for it.

Where the spec does not say `mask_token` (of `Hashing`: `mask_value`), it is what `pad` fills up
with, so that padding has a place of its own, 0, and words that no training example has another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer

from .columns import Bound, Key

NO_LABEL = int(np.iinfo(np.int64).min)
"""What fills up lists of whole numbers that have different lengths and no `pad`."""


def filler_of(bound: Bound, *, text: bool) -> Any:
    """What fills the sequences of a feature up; None where nothing does."""
    if bound.gathers:
        return "" if text else NO_LABEL
    if bound.pad is None:
        return None
    return "" if text and bound.pad.value == 0 else bound.pad.value


def mask_setting(
    key: Key, bound: Bound, layer: Layer, before: Iterable[Layer], *, text: bool
) -> Mapping[str, Any]:
    """The setting of a layer that says what fills up, where the spec does not say it; empty where
    there is none. `before` are the layers in front of it.

    The target of a lookup that has a place for unknown labels keeps it for padding too: its classes
    are as many as the spec says.
    """
    name = layer.masked_by
    filler = filler_of(bound, text=text)
    if name is None or filler is None or name in layer.model_fields_set:
        return {}
    if any(one.keeps_values != "all" for one in before):
        return {}
    if not isinstance(filler, str if text else int) or filler in (_tokens(layer) or ()):
        return {}
    if not bound.gathers and key[0] == "targets" and getattr(layer, "num_oov_indices", None):
        return {}
    return {name: filler}


def _tokens(layer: Layer) -> tuple[Any, ...] | None:
    found = getattr(layer, "vocabulary", None)
    return found if isinstance(found, tuple) else None

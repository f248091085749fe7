"""Padding is not a value: the token that a layer of a transform ignores as padding.

Without `mask_token` in the spec (`mask_value` of `Hashing`), the mask is the padding value of
`pad`. Padding then has its own index, 0, and unknown words have another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer

from .columns import Bound, Key

NO_LABEL = int(np.iinfo(np.int64).min)
"""The padding value for lists of integers of different lengths without `pad`."""


def filler_of(bound: Bound, *, text: bool) -> Any:
    """The value that pads the sequences of a feature; None if they are not padded."""
    if bound.gathers:
        return "" if text else NO_LABEL
    if bound.pad is None:
        return None
    return "" if text and bound.pad.value == 0 else bound.pad.value


def mask_setting(
    key: Key, bound: Bound, layer: Layer, before: Iterable[Layer], *, text: bool
) -> Mapping[str, Any]:
    """The setting of a layer that names the padding value, if the spec does not set it; empty if
    the layer has no such setting. `before` are the preceding layers.

    The target of a lookup that reserves an index for unknown labels keeps that index for padding
    too: the number of its classes is the one in the spec.
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

"""Values that the first layer of a transform can encode: labels of a closed lookup, numbers of
categories.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import CategoryEncoding
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import IntegerLookup, Lookup
from modelspec.core.diagnostics import nearest

from .adapt import Pipeline
from .errors import Findings, places
from .expectations import check_known, unknown
from .table import Array, Table


def rows_without_place(values: Array, pipe: Pipeline) -> Array:
    """Which examples have a value that `has_place` reports."""
    first = pipe.layers[0] if pipe.layers else None
    found = np.zeros(len(values), bool)
    for bad in (
        _without_place(values, first)[0],
        *dict(unknown(values, pipe.feature, first)).values(),
    ):
        if bad.size:
            found |= bad.reshape(len(values), -1).any(axis=1)
    return found


def has_place(values: Array, pipe: Pipeline, rows: Array, table: Table, findings: Findings) -> bool:
    """MS627: a value that the first layer cannot encode; Keras would fail, or encode it as
    nothing.
    """
    first = pipe.layers[0] if pipe.layers else None
    if not check_known(values, rows, pipe.feature, first, table, findings):
        return False
    bad, why = _without_place(values, first)
    if not bad.any():
        return True
    name = pipe.feature.bound.names[0]
    value = values[bad].flat[0]
    found = np.flatnonzero(bad.reshape(len(values), -1).any(axis=1))
    shown = [table.place(name, (int(rows[index]),)) for index in found[:10]]
    findings.error(
        "MS627",
        f"`{name}` is {_shown(value)} at {shown[0]}, {why}",
        pipe.feature.bound.span,
        notes=places(shown, len(found)),
        help=_place_for(value, pipe, first),
    )
    return False


def _without_place(values: Array, layer: Layer | None) -> tuple[Array, str]:
    """Which values a layer cannot encode, and why."""
    if isinstance(layer, CategoryEncoding) and layer.num_tokens is not None:
        categories = layer.num_tokens
        bad: Array = (values < 0) | (values >= categories)
        why = f"but `CategoryEncoding` has {categories} categories (0 to {categories - 1})"
        return bad, why
    if isinstance(layer, Lookup) and _is_closed(layer):
        known = {*(layer.tokens or ()), layer.mask_token}
        bad = np.array([value not in known for value in values.flat]).reshape(values.shape)
        if bad.any() and values[bad].flat[0] == layer.oov_token:
            why = f"which is the `oov_token` of `{layer.kind()}`, the token of unknown values"
            return bad, why
        return bad, "which does not occur in the training examples"
    return np.zeros(0, bool), ""


def _is_closed(layer: Lookup) -> bool:
    """Whether a lookup accepts only the tokens of its vocabulary."""
    return not (layer.num_oov_indices or layer.invert) and layer.tokens is not None


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _place_for(value: Any, pipe: Pipeline, layer: Layer | None) -> str:
    """The fix for a value that a layer cannot encode."""
    if isinstance(layer, Lookup) and value == layer.oov_token:
        free = '"[OOV]"'
        if isinstance(layer, IntegerLookup):
            free = str(min((int(value), *(layer.tokens or ()))) - 1)
        return f"use an `oov_token` that is not a value of the column: `oov_token: {free}`"
    if isinstance(layer, Lookup) and isinstance(value, str):
        near = nearest(value, [str(token) for token in layer.tokens or ()])
        if near is not None:
            return f'is it "{near}"?'
    if isinstance(layer, CategoryEncoding):
        return "increase `num_tokens`; categories count from 0"
    if pipe.feature.key[0] == "inputs":
        return "remove `num_oov_indices: 0`, so that unknown values get an index, or fix the row"
    return "fix the row, or remove it"

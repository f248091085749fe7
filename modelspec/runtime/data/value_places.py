"""Values that the first layer of a transform has a place for: labels of a closed lookup, numbers of
categories.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import CategoryEncoding
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.core.diagnostics import nearest

from .adapt import Pipeline
from .errors import Findings, places
from .expectations import check_known, unknown
from .table import Array, Table


def rows_without_place(values: Array, pipe: Pipeline) -> Array:
    """Which examples hold a value that `has_place` reports."""
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
    """MS627: a value that the first layer has no place for; Keras fails, or encodes it as
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
    """Which values a layer has no place for, and why."""
    if isinstance(layer, CategoryEncoding) and layer.num_tokens is not None:
        categories = layer.num_tokens
        bad: Array = (values < 0) | (values >= categories)
        why = f"but `CategoryEncoding` has {categories} categories (0 to {categories - 1})"
        return bad, why
    if isinstance(layer, Lookup) and _is_closed(layer):
        known = {*(layer.tokens or ()), layer.mask_token}
        bad = np.array([value not in known for value in values.flat]).reshape(values.shape)
        return bad, "which no training example has"
    return np.zeros(0, bool), ""


def _is_closed(layer: Lookup) -> bool:
    """Whether a lookup takes the tokens of its vocabulary alone."""
    return not (layer.num_oov_indices or layer.invert) and layer.tokens is not None


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _place_for(value: Any, pipe: Pipeline, layer: Layer | None) -> str:
    """What to do about a value that a layer has no place for."""
    if isinstance(layer, Lookup) and isinstance(value, str):
        near = nearest(value, [str(token) for token in layer.tokens or ()])
        if near is not None:
            return f'is it "{near}"?'
    if isinstance(layer, CategoryEncoding):
        return "give it more `num_tokens`; categories count from 0"
    if pipe.feature.key[0] == "inputs":
        return (
            "leave `num_oov_indices: 0` out, so that an unknown value has a place, or mend the row"
        )
    return "mend the row, or remove it"

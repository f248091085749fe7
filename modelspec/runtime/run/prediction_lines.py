"""Predictions as JSON, one line for each row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any

import numpy as np

from ..data.table import Array
from ..history.formatting import for_json
from .prediction_outputs import arrays, as_row, nested
from .prediction_rows import Predictions
from .prediction_steps import ended

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def lines(found: Predictions) -> Iterator[str]:
    """Every row as JSON; numbers that JSON lacks are null."""
    named = arrays(found)
    if found.steps:  # rows of different lengths
        for row in range(len(found)):
            yield _text(as_row(ended(found, named, row)))
        return
    names = [_STRICT(name).replace("%", "%%") for name in named]
    form = f"{{{', '.join(f'{name}: %s' for name in names)}}}"
    yield from map(form.__mod__, zip(*map(_cells, named.values()), strict=True))


def _text(value: Any) -> str:
    try:
        return _STRICT(value)
    except ValueError:
        return json.dumps(for_json(value), ensure_ascii=False)


def _cells(values: Array) -> Iterable[Any]:
    """The values of a column: `str` of each is its JSON."""
    if values.size == len(values):  # one value for each row
        values = values.reshape(len(values))
    kind = values.dtype.kind
    plain: list[Any] = values.tolist()
    if values.ndim == 1 and (kind in "iu" or (kind == "f" and np.isfinite(values).all())):
        return plain
    if kind in "OU" and values.ndim == 1:
        return map(_string, plain)
    return map(_text, plain if kind != "O" else map(nested, values))


def _string(value: Any) -> str:
    """The JSON of an entry of a column of objects: a string, or another value."""
    return encode_basestring(value) if type(value) is str else _text(nested(value))

"""The document of `/schema`: OpenAPI 3.1, with the columns that a run reads and those of its
predictions (https://spec.openapis.org/oas/v3.1.1.html).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import modelspec
from modelspec.compiler.pipeline import Compiled
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.columns import Bound, binding_of
from modelspec.runtime.run.prediction_outputs import arrays
from modelspec.runtime.run.prediction_rows import Predictions

from .limits import Limits
from .mixed_rows import takes_text
from .questions import CSV, JSON

Json = dict[str, Any]
_NUMBERS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
"""JSON types by the kind of a NumPy dtype; everything else is a string."""


def document(
    name: str, compiled: Compiled, state: State | None, example: Predictions, limits: Limits
) -> Json:
    """The document of a run called `name`, whose predictions look like `example`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": modelspec.__version__,
            "summary": "Predictions of a modelspec run.",
        },
        "paths": {
            "/predict": {"post": _predict(limits)},
            "/health": {"get": _get("Whether the server is running.", {"type": "object"})},
            "/schema": {"get": _get("This document.", {"type": "object"})},
        },
        "components": {
            "schemas": {
                "Row": _row(compiled, state),
                "Prediction": _prediction(example),
                "Fault": _FAULT,
                "Faults": _FAULTS,
            }
        },
    }


# Paths --------------------------------------------------------------------------------------------


def _get(summary: str, schema: Json) -> Json:
    return {
        "summary": summary,
        "responses": {"200": {"description": "OK", "content": {JSON: {"schema": schema}}}},
    }


def _predict(limits: Limits) -> Json:
    row, text = {"$ref": "#/components/schemas/Row"}, {"type": "string"}
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": limits.rows}
    wrapped = {"type": "object", "properties": {"rows": rows}, "required": ["rows"]}
    answer = {
        "type": "object",
        "properties": {
            "predictions": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Prediction"},
            },
            "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
            "skipped": {"type": "array", "items": _SKIPPED},
        },
        "required": ["predictions", "warnings", "skipped"],
    }
    return {
        "summary": "Predict raw rows.",
        "parameters": _PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"anyOf": [wrapped, rows, row]}},
                CSV: {"schema": text},
            },
        },
        "responses": {
            "200": {
                "description": "The predictions.",
                "content": {JSON: {"schema": answer}, CSV: {"schema": text}},
            },
            **{status: _fault(said) for status, said in _REFUSALS.items()},
        },
    }


def _fault(said: str) -> Json:
    schema = {"$ref": "#/components/schemas/Faults"}
    return {"description": said, "content": {JSON: {"schema": schema}}}


_REFUSALS = {
    "400": "The body or the query cannot be read.",
    "413": "The request, or its answer, is too large.",
    "415": "The body is neither JSON nor CSV.",
    "422": "Rows cannot be used: all faults, and the rows that have one.",
    "500": "The model failed.",
    "503": "The time limit is exceeded, or too many requests are waiting; see `Retry-After`.",
}
_PARAMETERS: list[Json] = [
    {
        "name": "top",
        "in": "query",
        "description": "This many of the most probable labels instead of the probability of each.",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "threshold",
        "in": "query",
        "description": "`T` or `LABEL=T`: the probability that a label must exceed.",
        "schema": {"type": "array", "items": {"type": "string"}},
    },
    {
        "name": "errors",
        "in": "query",
        "description": "`skip` excludes rows that cannot be read.",
        "schema": {"enum": ["stop", "skip"], "default": "stop"},
    },
]
_NUMBERS_OF_ROWS: Json = {"type": "array", "items": {"type": "integer", "minimum": 1}}
_SKIPPED: Json = {
    "type": "object",
    "properties": {"row": {"type": "integer", "minimum": 1}, "reason": {"type": "string"}},
}
_FAULT: Json = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "severity": {"enum": ["error", "warning", "note"]},
        "message": {"type": "string"},
        "notes": {"type": "array", "items": {"type": "string"}},
        "help": {"type": ["string", "null"]},
        "rows": _NUMBERS_OF_ROWS,
    },
    "required": ["code", "severity", "message"],
}
_FAULTS: Json = {
    "type": "object",
    "properties": {
        "diagnostics": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        "rows": {"type": "array", "items": _SKIPPED},
    },
    "required": ["diagnostics", "rows"],
}


# Rows ---------------------------------------------------------------------------------------------


def _row(compiled: Compiled, state: State | None) -> Json:
    """An object of the columns that the inputs read; other columns are ignored."""
    columns: dict[str, Json] = {}
    required: list[str] = []
    for name, bound in binding_of(compiled).inputs.items():
        kind = _cell(takes_text(name, bound, compiled, state), bound)
        for column in bound.past.names if bound.past is not None else bound.names:
            columns.setdefault(column, kind)
            if bound.missing == "error" and column not in required:
                required.append(column)
    window = compiled.data.window if compiled.data is not None else None
    for named in (window.by, window.order) if window is not None else ():
        if named is not None:
            columns.setdefault(named, {})
    return {"type": "object", "properties": columns, "required": required}


def _cell(text: bool | None, bound: Bound) -> Json:
    """The type of a cell of a column; `text` where it is known whether it is a string."""
    if text is None:
        return {}
    one: Json = {"type": "string" if text else "number"}
    if text is False and bound.number_format is not None:
        one = {"type": ["number", "string"]}
    if bound.missing != "error":
        one = {"anyOf": [one, {"type": "null"}]}
    return one if bound.stacked else {"anyOf": [one, {"type": "array"}]}


def _prediction(example: Predictions) -> Json:
    """The columns of a row of an answer; `top` replaces some by columns of labels."""
    found = {"row": {"type": "integer", "minimum": 1}}
    for name, values in arrays(example).items():
        kind = _NUMBERS.get(values.dtype.kind, "string")
        schema: Json = {"type": [kind, "null"] if kind == "number" else kind}
        for _ in range(np.ndim(values) - 1 if values[0].size > 1 else 0):
            schema = {"type": "array", "items": schema}
        found[name] = schema
    return {"type": "object", "properties": found, "required": ["row"]}

"""The schema of the objectives and the parameters of a sweep."""

from __future__ import annotations

from modelspec.compiler.spec.expect_section import OF_RUN, STATIC
from modelspec.compiler.spec.sweep_reading import WAYS
from modelspec.compiler.spec.sweep_section import ALL, FOLD, MOST_OBJECTIVES

from .value_schema import Schema, with_expressions

_METRIC = r"^(train|val|test)_."


def searched() -> dict[str, Schema]:
    """The schemas of `objective` and `parameters`."""
    return {
        "objective": _objectives(),
        "parameters": {
            "type": "object",
            "properties": {FOLD: {"anyOf": [{"const": ALL}, _values(), {"type": "null"}]}},
            "additionalProperties": {"anyOf": [_values(), _long(), {"type": "null"}]},
        },
    }


def _objectives() -> Schema:
    """One objective, or a list."""
    key = {"anyOf": [{"enum": [*STATIC, *OF_RUN]}, {"type": "string", "pattern": _METRIC}]}
    one = {
        "type": "object",
        "properties": dict.fromkeys(WAYS, key),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_OBJECTIVES}
    return {"anyOf": [one, several, {"type": "null"}]}


def _values() -> Schema:
    return {"type": "array", "minItems": 1}


def _long() -> Schema:
    """Values or a range, with `when` and the settings of the range."""
    number, whole = with_expressions({"type": "number"}), with_expressions({"type": "integer"})
    when = with_expressions({"type": "boolean"})

    def form(name: str, one: Schema, **others: Schema) -> Schema:
        return {
            "type": "object",
            "required": [name],
            "properties": {name: one, "when": when, **others},
            "additionalProperties": False,
        }

    def ends(item: Schema) -> Schema:
        return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}

    return {
        "anyOf": [
            form("values", _values()),
            form("uniform", ends(number), step=number),
            form("log_uniform", ends(number)),
            form("integers", ends(whole), step=whole, log=with_expressions({"type": "boolean"})),
        ]
    }

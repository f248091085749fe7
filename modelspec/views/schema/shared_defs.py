"""Moves repeated parts of a schema to `$defs`: a third of the size, with the same meaning."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from .value_schema import Schema

PREFIX: Final = "same."
"""The prefix of the name of a shared definition."""
_ONE: Final = frozenset(
    {"additionalProperties", "else", "if", "items", "not", "propertyNames", "then"}
)
_MANY: Final = frozenset({"allOf", "anyOf", "prefixItems"})
_NAMED: Final = frozenset({"$defs", "patternProperties", "properties"})
_REFERENCE: Final = len('{"$ref": "#/$defs/same.activity_regularizer"}')


def shared(schema: Schema) -> Schema:
    """The same schema with references to shared definitions for repeated parts."""
    counts: Counter[str] = Counter()
    _count(schema, counts)
    made: Schema = {}
    names: dict[str, str] = {}

    def once(one: Schema, hint: str) -> Schema:
        key = _key(one)
        saved = (counts[key] - 1) * (len(key) - _REFERENCE) - _REFERENCE
        if one.keys() == {"$ref"} or saved <= 0:
            return _below(one, hint, once)
        if key not in names:
            name = names[key] = _free(f"{PREFIX}{hint}", made)
            made[name] = {}  # its position, before those of its parts
            made[name] = _below(one, hint, once)
        return {"$ref": f"#/$defs/{names[key]}"}

    kept = {name: _below(one, name, once) for name, one in schema["$defs"].items()}
    rest = _below({key: value for key, value in schema.items() if key != "$defs"}, "file", once)
    return {**rest, "$defs": {**kept, **made}}


def _count(schema: Schema, counts: Counter[str]) -> None:
    """The number of occurrences of each schema; parts of a repeated schema count once."""
    for _, one in _inner(schema):
        key = _key(one)
        counts[key] += 1
        if counts[key] == 1:
            _count(one, counts)


def _inner(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The direct sub-schemas of a schema, with the name of the setting, if any."""
    for key, value in schema.items():
        if key in _ONE and isinstance(value, dict):
            yield "", value
        elif key in _MANY:
            yield from (("", one) for one in value)
        elif key in _NAMED:
            yield from value.items()


def _below(schema: Schema, hint: str, change: Callable[[Schema, str], Schema]) -> Schema:
    """The schema with changed direct sub-schemas."""
    found = dict(schema)
    for key, value in schema.items():
        if key in _ONE and isinstance(value, dict):
            found[key] = change(value, hint)
        elif key in _MANY:
            found[key] = [change(one, hint) for one in value]
        elif key in _NAMED:
            found[key] = {
                name: change(one, hint if key == "patternProperties" else name)
                for name, one in value.items()
            }
    return found


def _key(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False)


def _free(name: str, taken: Schema) -> str:
    number = 1
    while (tried := name if number == 1 else f"{name}.{number}") in taken:
        number += 1
    return tried

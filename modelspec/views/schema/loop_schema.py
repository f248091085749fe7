"""The schema of loops: in mappings, where `for` writes keys, and among the chains of `branches`."""

from __future__ import annotations

from typing import Final

from .key_docs import KEYS
from .value_schema import Schema, with_expressions

NAME: Final[Schema] = {"type": "string"}
_ANY: Final[Schema] = {"for": {}, "index": {}, "do": {}}


def loop() -> Schema:
    """One name with its values."""
    return {
        "description": KEYS["for"].text,
        "type": "object",
        "additionalProperties": with_expressions({"type": "array"}),
        "minProperties": 1,
        "maxProperties": 1,
    }


def with_loop(mapping: Schema) -> Schema:
    """A mapping of any keys to one kind of value, in which a loop may write keys. A key that is
    called like a word of the loop is still allowed.
    """
    one = mapping["additionalProperties"]
    keys = {"type": "object", "properties": _ANY, "additionalProperties": one}
    words: dict[str, Schema] = {
        "for": {"anyOf": [loop(), one]},
        "index": {"anyOf": [NAME, one]},
        "do": {"anyOf": [keys, one]},
    }
    words = {name: {**word, "doNotSuggest": True} for name, word in words.items()}
    return {**mapping, "properties": {**words, **mapping.get("properties", {})}}


def chain(layers: Schema, when: Schema, repeat: Schema) -> Schema:
    """An entry of `branches`: a list of layers, or a loop or condition that makes such lists."""
    group = {
        "type": "object",
        "properties": {
            "for": loop(),
            "index": NAME,
            "repeat": repeat,
            "when": when,
            "do": layers,
            "else": layers,
        },
        "additionalProperties": False,
        "required": ["do"],
        "anyOf": [{"required": [word]} for word in ("for", "repeat", "when")],
    }
    return {"anyOf": [layers, group]}

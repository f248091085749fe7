"""The schema of a component in the form in which Keras serializes it: `{module: keras.optimizers,
class_name: Adam, config: {...}}`.
"""

from __future__ import annotations

from typing import Final

from .value_schema import Schema

SERIALIZED: Final = "serialized"
"""The name of its definition. One for all families: their names again would be a twentieth of the
whole schema.
"""
NO_MAPPING: Final[Schema] = {"additionalProperties": False, "minProperties": 1}
"""No other mapping than a serialized component."""


def or_serialized(mapping: Schema) -> Schema:
    """A mapping, or a serialized component."""
    # The keys are required in the condition only: a definition that requires keys is repeated, with
    # all that refer to it, for files that extend another.
    then = {"$ref": f"#/$defs/{SERIALIZED}"}
    return {"if": {"required": ["class_name", "config"]}, "then": then, "else": mapping}


def definition() -> Schema:
    """The serialized form of a component or a function."""
    text = {"type": ["string", "null"]}
    properties: dict[str, Schema] = {
        "module": text,
        "class_name": {
            "description": "The name of the component; `function` for a function.",
            "type": "string",
        },
        "config": {
            "description": "The settings of the component, or the name of the function.",
            "type": ["object", "string", "null"],
        },
        "registered_name": text,
        "build_config": {},
    }
    return {
        "description": "A component in the form in which Keras serializes it.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }

"""The schema of kinds of the library: their settings, by their defaults, beside those of every
entry.
"""

from __future__ import annotations

from typing import Final

from modelspec.catalog.layers.layer import ONE
from modelspec.catalog.library import RULES, kinds
from modelspec.compiler.expand.library_kinds import SHAPE, Kind, load
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .family_schema import sources
from .value_schema import EXPRESSION, Schema, with_expressions

OWN: Final[dict[str, Schema]] = {
    "weights": {
        "description": (
            "What its weights start from: nothing, `imagenet` (those that Keras offers), or a file."
        ),
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "default": None,
    },
    "trainable": {
        "description": "Whether training changes it.",
        "type": "boolean",
        "default": True,
    },
    "until": {"description": "The name of a layer in it, at which it ends.", "type": "string"},
}
"""Settings of every model of the library."""
_TYPES: Final = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))


def definitions() -> dict[str, Schema]:
    """`$defs` of the library: each kind by `library.Kind`."""
    return {f"library.{name}": _kind(load(name)) for name in kinds()}


def entries() -> dict[str, Schema]:
    """What stands behind each name in a list of layers."""
    return {name: {"$ref": f"#/$defs/library.{name}"} for name in kinds()}


def bare() -> list[str]:
    """Kinds that need no settings."""
    return [name for name in kinds() if not load(name).block.required()]


def family() -> Schema:
    """A kind of the library: its name, or its name with settings."""
    return {
        "anyOf": [
            {"enum": bare()},
            {
                "type": "object",
                "properties": entries(),
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


def settings(kind: Kind) -> dict[str, Schema]:
    """The settings of a kind by name, without expressions."""
    found = {name: _setting(name, entry) for name, entry in kind.settings.items()}
    return {**found, **OWN} if kind.model is not None else found


def _kind(kind: Kind) -> Schema:
    own = settings(kind)
    properties = {name: with_expressions(one) for name, one in own.items()}
    properties |= {
        "name": {"type": "string"},
        "from": {"$ref": "#/$defs/from"} if kind.model is not None else sources(ONE),
        "when": {"$ref": "#/$defs/when"},
        "repeat": {"$ref": "#/$defs/repeat"},
    }
    if kind.model is not None:
        properties["call"] = {"$ref": "#/$defs/call"}
    whole: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = kind.block.required()
    forms: list[Schema] = [{**whole, "required": required} if required else whole]
    primary = kind.block.primary
    if primary is not None and not set(required) - {primary}:
        alone = {
            key: value
            for key, value in with_expressions(own[primary]).items()
            if key not in ("description", "default")
        }
        forms.append(alone)
    if not required:
        forms.append({"type": "null"})
    return {"description": kind.description, "anyOf": [*forms, EXPRESSION]}


def _setting(name: str, entry: Entry) -> Schema:
    """A setting by its default, and by what the library says of settings with its name."""
    rule, text = RULES.get(name), comment(entry)
    default = plain(entry.value)
    schema: Schema = {"description": text or (rule.text if rule else "")}
    if rule is not None and rule.choices:
        return {**schema, "enum": list(rule.choices), "default": default}
    schema |= _type(entry.value)
    if rule is not None and rule.least is not None:
        schema["minimum"] = rule.least
    if rule is not None and rule.optional and "type" in schema:
        one = {key: value for key, value in schema.items() if key != "description"}
        schema = {"description": schema["description"], "anyOf": [one, {"type": "null"}]}
    if name == SHAPE:
        sizes = {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
        schema["anyOf"] = [sizes, {"type": "null"}]
    return schema if default is None else {**schema, "default": _written(entry.value)}


def _type(default: Node) -> Schema:
    if isinstance(default, Sequence):
        items = [_type(item) for item in default.items]
        alike = bool(items) and all(item == items[0] for item in items)
        return {"type": "array", **({"items": items[0]} if alike else {})}
    if isinstance(default, Mapping):
        return {"type": "object"}
    value = default.value
    if isinstance(value, str) and "$" in value:
        return {}
    return next(({"type": name} for kind, name in _TYPES if type(value) is kind), {})


def _written(default: Node) -> object:
    if isinstance(default, Sequence):
        return [_written(item) for item in default.items]
    return default.value if isinstance(default, Scalar) else plain(default)


def comment(entry: Entry) -> str:
    """What the file says behind a setting, as a sentence."""
    span = entry.value.span
    _, mark, text = span.source.text[span.end : span.source.line_end(span.end)].partition("#")
    text = text.strip()
    return (
        f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if mark and text else ""
    )

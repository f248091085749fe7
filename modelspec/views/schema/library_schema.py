"""The schema of kinds of the library: their settings, with types from their defaults, and the
settings of every entry.
"""

from __future__ import annotations

from typing import Final

from modelspec.catalog.layers.layer import ONE
from modelspec.catalog.library import RULES, Rule, kinds
from modelspec.compiler.expand.library_kinds import SHAPE, Kind, load
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .family_schema import sources
from .value_schema import EXPRESSION, NULL, OF_NO_TYPE, TYPES, Schema, with_expressions, without

OWN: Final[dict[str, Schema]] = {
    "weights": {
        "description": (
            "The initial weights: none, `imagenet` (the pretrained weights of Keras), or a file."
        ),
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "default": None,
    },
    "trainable": {
        "description": "Whether training changes its weights.",
        "type": "boolean",
        "default": True,
    },
    "until": {
        "description": "The name of its last layer; later layers are removed.",
        "type": "string",
    },
    "taps": {
        "description": (
            "The names of inner layers whose outputs are the outputs of the model, with the same"
            " names (`backbone.conv2_block3_out`); layers that none of them requires are removed."
        ),
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ],
    },
}
"""Settings of every model of the library."""


def definitions() -> dict[str, Schema]:
    """`$defs` of the library: each kind by `library.Kind`."""
    return {f"library.{name}": _kind(load(name)) for name in kinds()}


def entries() -> dict[str, Schema]:
    """The settings of each name in a list of layers."""
    return {name: {"$ref": f"#/$defs/library.{name}"} for name in kinds()}


def bare() -> list[str]:
    """Kinds without required settings."""
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
        forms.append(without(with_expressions(own[primary]), *OF_NO_TYPE))
    if not required:
        forms.append(NULL)
    return {"description": kind.description, "anyOf": [*forms, EXPRESSION]}


def _setting(name: str, entry: Entry) -> Schema:
    """A setting, from its default and from the library's description of settings with its name."""
    rule = RULES.get(name, Rule(""))
    default = plain(entry.value)
    text: Schema = {"description": comment(entry) or rule.text}
    if rule.choices:
        return {**text, "enum": list(rule.choices), "default": default}
    schema = {**text, **_taken(name, rule, entry.value)}
    return schema if default is None else {**schema, "default": _written(entry.value)}


def _taken(name: str, rule: Rule, default: Node) -> Schema:
    """The allowed values of a setting."""
    if name == SHAPE:
        size = {"anyOf": [{"type": "integer"}, NULL]}
        return {"anyOf": [{"type": "array", "items": size}, NULL]}
    schema = _type(default) or ({"type": rule.kind} if rule.kind else {})
    if rule.least is not None:
        schema["minimum"] = rule.least
    return {"anyOf": [schema, NULL]} if rule.optional and "type" in schema else schema


def _type(default: Node) -> Schema:
    if isinstance(default, Sequence):
        items = [_type(item) for item in default.items]
        alike = bool(items) and all(item == items[0] for item in items)
        return {"type": "array", **({"items": items[0]} if alike else {})}
    if isinstance(default, Mapping):
        return {"type": "object"}
    value = default.value
    is_expression = isinstance(value, str) and "$" in value
    if is_expression or type(value) not in TYPES:
        return {}
    return {"type": TYPES[type(value)]}


def _written(default: Node) -> object:
    if isinstance(default, Sequence):
        return [_written(item) for item in default.items]
    return default.value if isinstance(default, Scalar) else plain(default)


def comment(entry: Entry) -> str:
    """The comment after a setting in the file, as a sentence."""
    span = entry.value.span
    _, _, text = span.source.text[span.end : span.source.line_end(span.end)].partition("#")
    text = text.strip().removesuffix(".")
    return f"{text[0].upper()}{text[1:]}." if text else ""

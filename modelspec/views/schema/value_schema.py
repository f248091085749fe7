"""The schema of one class of settings, and of the expression that can replace any value of a
spec.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, PydanticJsonSchemaWarning

from modelspec.core.quiet_warnings import ignoring
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from . import field_docs as docs
from .setting_order import rank
from .type_text import words

Schema = dict[str, Any]

_FAMILY: Final = "x-family"
"""The key of a temporary marker for a member of a family, with the noun of the family; it is later
replaced by a reference.
"""
_OPEN: Final[tuple[Schema, ...]] = ({}, {"type": "object", "additionalProperties": True})
"""The schema of pydantic for a setting whose validator does not declare its input type."""

EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
DOLLAR: Final = r"\$"
"""What tells an expression from a text: `$width`, `$(2 * width)`, `run-$(width)`."""
NULL: Final[Schema] = {"type": "null"}
OF_NO_TYPE: Final = ("description", "default")
"""Keys that do not affect the allowed values."""
TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}
"""JSON Schema names of Python types."""


@cache
def settings(cls: type[Settings]) -> Schema:
    """The settings of a class by name, in the Keras order, and which of them are required.

    Values are as described by pydantic, with a reference for a component or a layer, and without
    expressions. Created once for a class; do not modify.
    """
    with ignoring(PydanticJsonSchemaWarning):
        # A default that is not JSON (another settings object) is left out.
        made = cls.model_json_schema(mode="validation", schema_generator=_Generator)
    properties, inner = made.get("properties", {}), made.get("$defs", {})
    own = sorted((name for name in cls.model_fields if name not in cls.common), key=rank(cls))
    common = [name for name in properties if name in cls.common]
    needed = made.get("required", ())
    return {
        "properties": {name: _setting(cls, name, properties[name], inner) for name in own + common},
        "required": [name for name in own if name in needed],
    }


def _setting(cls: type[Settings], name: str, schema: Schema, inner: Schema) -> Schema:
    """One setting, with its docstring as description."""
    found: Schema = _clean(schema, inner)
    family = cls.primary_family()
    if family is not None:
        found = _of_family(found, family)
    if "description" not in found and (text := docs.text_of(cls, name)):
        found["description"] = text
    return found


class _Generator(GenerateJsonSchema):
    """Without the titles that pydantic generates from names, and with a marker for a component."""

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        family = getattr(schema["function"]["function"], "family", None)
        if isinstance(family, Registry):
            return {_FAMILY: family.noun}
        return super().function_plain_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _clean(schema: Any, inner: Schema) -> Any:
    """Replace markers by references to families, and references to nested settings by their
    schema.
    """
    if isinstance(schema, list):
        return [_clean(item, inner) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _FAMILY in schema:
        return {"$ref": f"#/$defs/{schema[_FAMILY]}", **without(schema, _FAMILY)}
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in inner:
        return _clean({**inner[name], **without(schema, "$ref")}, inner)
    if isinstance(schema.get("title"), str):
        schema = without(schema, "title")
    return {key: _clean(value, inner) for key, value in schema.items()}


def without(schema: Schema, *keys: str) -> Schema:
    """The schema without some keys."""
    return {key: value for key, value in schema.items() if key not in keys}


def _of_family(schema: Schema, family: Registry) -> Schema:
    """A setting without a declared type, in a class whose primary setting is a member of the
    family: a member, or a list.
    """
    found = alternatives(schema)
    if not any(one in _OPEN for one in found):
        return schema
    one: Schema = {"$ref": f"#/$defs/{family.noun}"}
    many = [{"type": "array", "items": one}] if {} in found else []
    others = [other for other in found if other not in (*_OPEN, {"type": "string"})]
    return {"anyOf": [one, *many, *others], **_notes(schema)}


def _notes(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key in OF_NO_TYPE}


# Expressions --------------------------------------------------------------------------------------


def with_expressions(schema: Schema) -> Schema:
    """The same schema, with an expression allowed for the value and for every value in it."""
    found = alternatives(schema)
    expected = words({"anyOf": [one for one in found if one != NULL] or found})
    return {**_either([_inside(one) for one in found], expected), **_notes(schema)}


def or_expression(schema: Schema) -> Schema:
    """The same schema, or an expression for the whole value. Editors still report errors inside."""
    return {"if": {"type": "string"}, "then": EXPRESSION, "else": schema}


def alternatives(schema: Schema) -> list[Schema]:
    """The alternatives of a value, one type each."""
    if "anyOf" in schema:
        return [alternative for one in schema["anyOf"] for alternative in alternatives(one)]
    return [without(schema, *OF_NO_TYPE)]


def _inside(schema: Schema) -> Schema:
    """Expressions allowed below the value, but not for the value itself."""
    opened = dict(schema)
    if "prefixItems" in schema:
        opened["prefixItems"] = [with_expressions(item) for item in schema["prefixItems"]]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            opened[key] = with_expressions(schema[key])
    if "properties" in schema:
        opened["properties"] = {
            name: with_expressions(one) for name, one in schema["properties"].items()
        }
    return opened


def _either(kinds: list[Schema], expected: str) -> Schema:
    """One of the alternatives, or an expression.

    Different types are merged into one schema: an editor then reports "below the minimum" instead
    of "no alternative matches".
    """
    if any(not one or _takes_expressions(one) for one in kinds):
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if any(_is_choice(one) for one in kinds):
        return _choice(kinds)
    if any("maxLength" in one for one in kinds):
        return {"anyOf": [*kinds, EXPRESSION]}
    # Editors show this for a quoted number; otherwise they would show the pattern.
    message = f"must be {expected}"
    expression = {"type": "string", "pattern": DOLLAR, "patternErrorMessage": message}
    return _merged([*kinds, expression])


def _is_choice(schema: Schema) -> bool:
    return "enum" in schema or "const" in schema


def _choice(kinds: list[Schema]) -> Schema:
    """One of some values, including `null` if allowed, or one of the other alternatives, or an
    expression.
    """
    values: list[Any] = []
    for one in filter(_is_choice, kinds):
        values += one["enum"] if "enum" in one else [one["const"]]
    if NULL in kinds:
        values.append(None)
    rest = [one for one in kinds if one != NULL and not _is_choice(one)]
    return {"anyOf": [{"enum": values}, *([_merged(rest)] if rest else []), EXPRESSION]}


def _takes_expressions(schema: Schema) -> bool:
    """Whether the schema takes an expression as it is: a family does, and a text without a pattern
    that may be long enough.
    """
    return "$ref" in schema or (
        schema.get("type") == "string" and schema.keys() <= {"type", "minLength", "format"}
    )


def _merged(kinds: list[Schema]) -> Schema:
    """One schema for several types, if their bounds do not conflict."""
    if len(kinds) == 1:
        return kinds[0]
    types = [one.get("type") for one in kinds]
    if None in types or len(set(types)) < len(types) or _clash(types):
        return {"anyOf": kinds}
    merged: Schema = {"type": types}
    for one in kinds:
        merged |= without(one, "type")
    return merged


def _clash(types: Iterable[Any]) -> bool:
    """Whether bounds of one type would be those of another."""
    return {"integer", "number"} <= set(types)

"""The schema of one class of settings, and what every value of a spec may be instead: an
expression.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, PydanticJsonSchemaWarning

from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from . import field_docs as docs
from .type_text import words

Schema = dict[str, Any]

_FAMILY: Final = "x-family"
"""The key of a mark where a member of a family is taken, with the family's noun, until it becomes a
reference.
"""
_OPEN: Final[tuple[Schema, ...]] = ({}, {"type": "object", "additionalProperties": True})
"""What pydantic makes of a setting whose validator says nothing about what it takes."""

EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
DOLLAR: Final = r"\$"
"""What tells an expression from a text: `$width`, `$(2 * width)`, `run-$(width)`."""
NULL: Final[Schema] = {"type": "null"}
OF_NO_TYPE: Final = ("description", "default")
"""Keys that say nothing of what a value may be."""
TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}
"""JSON Schema's names of Python's types."""


@cache
def settings(cls: type[Settings]) -> Schema:
    """The settings of a class by name, in the order in which people write them, and which of them
    are needed.

    Values are as pydantic describes them, with a reference where a component or a layer is taken,
    and without expressions. Made once for a class, and not to be changed.
    """
    with warnings.catch_warnings():
        # A default that is no JSON (another settings object) is left out.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        made = cls.model_json_schema(mode="validation", schema_generator=_Generator)
    properties, inner = made.get("properties", {}), made.get("$defs", {})
    own = sorted((name for name in cls.model_fields if name not in cls.common), key=_rank(cls))
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


def _rank(cls: type[Settings]) -> Callable[[str], tuple[bool, bool, int]]:
    """The primary setting first, then those that are needed, then what sets the class apart from
    its kin.
    """
    primary, places = cls.primary(), {one: place for place, one in enumerate(cls.__mro__)}

    def rank(name: str) -> tuple[bool, bool, int]:
        return (
            name != primary,
            not cls.model_fields[name].is_required(),
            places[docs.home(cls, name) or cls],
        )

    return rank


class _Generator(GenerateJsonSchema):
    """Without the titles that pydantic makes of every name, and with a mark where a component is
    taken.
    """

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        family = getattr(schema["function"]["function"], "family", None)
        if isinstance(family, Registry):
            return {_FAMILY: family.noun}
        return super().function_plain_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _clean(schema: Any, inner: Schema) -> Any:
    """References to families in place of their marks, and to nested settings as themselves."""
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
    """The schema but for some keys."""
    return {key: value for key, value in schema.items() if key not in keys}


def _of_family(schema: Schema, family: Registry) -> Schema:
    """A setting that takes anything, in a class whose primary setting is a member of the family:
    that, or a list.
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
    """The same schema, which also takes an expression in place of the value and of every value in
    it.
    """
    found = alternatives(schema)
    expected = words({"anyOf": [one for one in found if one != NULL] or found})
    return {**_either([_inside(one) for one in found], expected), **_notes(schema)}


def or_expression(schema: Schema) -> Schema:
    """The same schema, or an expression in place of the whole. What is wrong inside is still what
    an editor tells.
    """
    return {"if": {"type": "string"}, "then": EXPRESSION, "else": schema}


def alternatives(schema: Schema) -> list[Schema]:
    """What a value may be, one kind of value each."""
    if "anyOf" in schema:
        return [alternative for one in schema["anyOf"] for alternative in alternatives(one)]
    return [without(schema, *OF_NO_TYPE)]


def _inside(schema: Schema) -> Schema:
    """Expressions allowed below the value, not in its place."""
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

    Types that differ go into one schema: an editor then says "below the minimum" where it would
    otherwise say that nothing fits.
    """
    if any(not one or _takes_expressions(one) for one in kinds):
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if any(_is_choice(one) for one in kinds):
        return _choice(kinds)
    # Editors show this where a number is in quotes, and would otherwise speak of the pattern.
    message = f"must be {expected}"
    expression = {"type": "string", "pattern": DOLLAR, "patternErrorMessage": message}
    return _merged([*kinds, expression])


def _is_choice(schema: Schema) -> bool:
    return "enum" in schema or "const" in schema


def _choice(kinds: list[Schema]) -> Schema:
    """One of some values, `null` among them where it is taken, or one of the other alternatives, or
    an expression.
    """
    values: list[Any] = []
    for one in filter(_is_choice, kinds):
        values += one["enum"] if "enum" in one else [one["const"]]
    if NULL in kinds:
        values.append(None)
    rest = [one for one in kinds if one != NULL and not _is_choice(one)]
    return {"anyOf": [{"enum": values}, *([_merged(rest)] if rest else []), EXPRESSION]}


def _takes_expressions(schema: Schema) -> bool:
    """Whether the schema takes an expression as it is: a family does, and a text without a
    pattern.
    """
    return "$ref" in schema or (
        schema.get("type") == "string" and schema.keys() <= {"type", "minLength", "maxLength"}
    )


def _merged(kinds: list[Schema]) -> Schema:
    """One schema for several types, where the bounds of each can only be its own."""
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

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
"""Stands where a member of a family is taken, with the family's noun, until it becomes a
reference.
"""
_OPEN: Final[tuple[Schema, ...]] = ({}, {"type": "object", "additionalProperties": True})
"""What pydantic makes of a setting whose validator says nothing about what it takes."""

EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
DOLLAR: Final = r"\$"
"""What tells an expression from a text: `$width`, `$(2 * width)`, `run-$(width)`."""
_OF_NO_TYPE = frozenset({"description", "default"})


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
    inner, family = made.get("$defs", {}), cls.primary_family()
    names = sorted((name for name in cls.model_fields if name not in cls.common), key=_rank(cls))
    properties = {name: _clean(one, inner) for name, one in made.get("properties", {}).items()}
    if family is not None:
        properties = {name: _of_family(one, family) for name, one in properties.items()}
    for name, one in properties.items():
        if "description" not in one and (text := docs.text_of(cls, name)):
            one["description"] = text
    ordered = {
        name: properties[name]
        for name in (*names, *(name for name in properties if name in cls.common))
    }
    return {
        "properties": ordered,
        "required": [name for name in names if name in made.get("required", ())],
    }


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
        return (
            {_FAMILY: family.noun}
            if isinstance(family, Registry)
            else super().function_plain_schema(schema)
        )

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _clean(schema: Any, inner: Schema) -> Any:
    """References to families in place of their marks, and to nested settings as themselves."""
    if isinstance(schema, list):
        return [_clean(item, inner) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _FAMILY in schema:
        rest = {key: value for key, value in schema.items() if key != _FAMILY}
        return {"$ref": f"#/$defs/{schema[_FAMILY]}", **rest}
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in inner:
        return _clean(
            {**inner[name], **{key: value for key, value in schema.items() if key != "$ref"}}, inner
        )
    titled = isinstance(schema.get("title"), str)
    return {
        key: _clean(value, inner) for key, value in schema.items() if key != "title" or not titled
    }


def _of_family(schema: Schema, family: Registry) -> Schema:
    """A setting that takes anything, in a class whose primary setting is a member of the family:
    that, or a list.
    """
    notes = {key: value for key, value in schema.items() if key in _OF_NO_TYPE}
    found = alternatives(schema)
    if not any(one in _OPEN for one in found):
        return schema
    one: Schema = {"$ref": f"#/$defs/{family.noun}"}
    many = [{"type": "array", "items": one}] if {} in found else []
    others = [other for other in found if other not in (*_OPEN, {"type": "string"})]
    return {"anyOf": [one, *many, *others], **notes}


# Expressions --------------------------------------------------------------------------------------


def with_expressions(schema: Schema) -> Schema:
    """The same schema, which also takes an expression in place of the value and of every value in
    it.
    """
    notes = {key: value for key, value in schema.items() if key in _OF_NO_TYPE}
    found = alternatives(schema)
    expected = words({"anyOf": [one for one in found if one != {"type": "null"}] or found})
    return {**_either([_inside(one) for one in found], expected), **notes}


def or_expression(schema: Schema) -> Schema:
    """The same schema, or an expression in place of the whole. What is wrong inside is still what
    an editor tells.
    """
    return {"if": {"type": "string"}, "then": EXPRESSION, "else": schema}


def alternatives(schema: Schema) -> list[Schema]:
    """What a value may be, one kind of value each."""
    if "anyOf" in schema:
        return [alternative for one in schema["anyOf"] for alternative in alternatives(one)]
    return [{key: value for key, value in schema.items() if key not in _OF_NO_TYPE}]


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
    choices = [one for one in kinds if "enum" in one or "const" in one]
    typed = [one for one in kinds if one not in choices]
    if choices:
        listed = [
            value for one in choices for value in (one["enum"] if "enum" in one else [one["const"]])
        ]
        nothing = [one for one in typed if one == {"type": "null"}]
        rest = [one for one in typed if one not in nothing]
        listed += [None] * bool(nothing)
        return {"anyOf": [{"enum": listed}, *([_merged(rest)] if rest else []), EXPRESSION]}
    # Editors show this where a number is in quotes, and would otherwise speak of the pattern.
    return _merged(
        [
            *typed,
            {"type": "string", "pattern": DOLLAR, "patternErrorMessage": f"must be {expected}"},
        ]
    )


def _takes_expressions(schema: Schema) -> bool:
    """Whether the schema takes an expression as it is: a family does, and a text without a
    pattern.
    """
    return "$ref" in schema or (
        schema.get("type") == "string" and schema.keys() <= {"type", "minLength", "maxLength"}
    )


def _merged(kinds: list[Schema]) -> Schema:
    types = [one.get("type") for one in kinds]
    if len(kinds) == 1:
        return kinds[0]
    if None in types or len(set(types)) < len(types) or _clash(types):
        return {"anyOf": kinds}
    return {
        "type": types,
        **{key: value for one in kinds for key, value in one.items() if key != "type"},
    }


def _clash(types: Iterable[Any]) -> bool:
    """Whether bounds of one type would be those of another."""
    return {"integer", "number"} <= set(types)

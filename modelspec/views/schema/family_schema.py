"""The schema of a family of components or layers: a name, a name with its primary setting, a name
with its settings.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

from modelspec.catalog.components.family import EXPRESSION as EXPRESSION_KEY
from modelspec.catalog.layers.layer import NAMED, ONE, Argument, Layer
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings
from modelspec.core.source import Value

from .value_schema import (
    EXPRESSION,
    Schema,
    alternatives,
    or_expression,
    settings,
    with_expressions,
)

RESERVED: Final = ("from", "call", "when", "repeat")
"""What stands among the settings of an entry of `layers`, and nowhere else."""


def definitions(family: Registry) -> dict[str, Schema]:
    """`$defs` of a family: itself by its noun, and each member by `noun.Kind`."""
    kinds = {} if is_named_only(family) else {kind: family.find(kind) for kind in family.kinds()}
    found = {
        f"{family.noun}.{kind}": member(cls, family)
        for kind, cls in kinds.items()
        if cls is not None
    }
    return {
        family.noun: _family(family, {name: schema_needs(found[name]) for name in found}),
        **found,
    }


def is_named_only(family: Registry) -> bool:
    """Whether members are names without settings, as activations are."""
    return bool(getattr(family, "name_only", False))


def schema_needs(member_schema: Schema) -> bool:
    """Whether a member of this schema has settings without a default."""
    return bool(member_schema["anyOf"][0].get("required"))


def reference(family: Registry, name: str) -> Schema:
    """The schema of what stands behind a name or an alias."""
    return {"$ref": f"#/$defs/{family.noun}.{family.aliases.get(name, name)}"}


def _family(family: Registry, needs: dict[str, bool]) -> Schema:
    def bare(name: str) -> bool:
        return not needs.get(f"{family.noun}.{family.aliases.get(name, name)}", False)

    names = [name for name in family.names() if bare(name)]
    forms: list[Schema] = [{"type": "string", "enum": sorted(names, key=str.lower)}]
    in_any_case = (
        [kind for kind in family.kinds() if bare(kind)]
        if getattr(family, "any_case", False)
        else []
    )
    in_any_case += getattr(family, "by_shape", ())
    if in_any_case:
        forms.append(
            {
                "type": "string",
                "pattern": f"^({'|'.join(_any_case(name) for name in in_any_case)})$",
            }
        )
    if not is_named_only(family):
        forms.append(one_of(family))
        if EXPRESSION_KEY in family and family.noun != "layer":
            forms.append(_formula(family))
        if family.noun == "layer":
            # What an entry of `layers` has beside its settings has no meaning for a layer inside
            # another.
            forms[-1]["allOf"] = [{"additionalProperties": {"$ref": "#/$defs/inner"}}]
    return {"anyOf": [*forms, EXPRESSION]}


def _formula(family: Registry) -> Schema:
    """`{expression: ..., name: ...}`: a formula with its settings beside it."""
    cls = family.find(EXPRESSION_KEY)
    assert cls is not None
    properties = {
        name: with_expressions(one)
        for name, one in settings(cls)["properties"].items()
        if name != "formula"
    }
    return _object({EXPRESSION_KEY: {"type": "string"}, **properties}, [EXPRESSION_KEY])


def one_of(family: Registry) -> Schema:
    """A mapping with one key, a name of the family."""
    by_shape = getattr(family, "by_shape", ())
    written = {name: reference(family, name) for name in family.names() if name not in by_shape}
    schema: Schema = {
        "type": "object",
        "properties": written,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    if getattr(family, "any_case", False):
        schema["patternProperties"] = {
            f"^{_any_case(kind)}$": reference(family, kind) for kind in family.kinds()
        }
    return schema


def _any_case(name: str) -> str:
    """A pattern for a name in any case; JSON Schema's patterns have no flag for it."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in name)


# Members ------------------------------------------------------------------------------------------


def member(cls: type[Settings], family: Registry) -> Schema:
    """What stands behind a name: the settings, the primary one alone, or nothing where none is
    needed.
    """
    read = settings(cls)
    properties = {name: with_expressions(one) for name, one in read["properties"].items()}
    if issubclass(cls, Layer):
        properties.update(_reserved(cls))
    forms: list[Schema] = [_object(properties, read["required"])]
    primary = cls.primary()
    if not read["required"]:
        forms.append({"type": "null"})
    if primary is not None and not set(read["required"]) - {primary}:
        forms += _primary_alone(read["properties"][primary])
        if getattr(cls, "spread_primary", False):
            forms.append(
                {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
            )
    inner = cls.primary_family()
    if inner is not None and primary is not None:
        forms.append(_spread(inner, properties, primary))
    elif primary is not None and EXPRESSION_KEY not in properties and _takes_expression(cls):
        others = {name: one for name, one in properties.items() if name != primary}
        forms.append(_object({EXPRESSION_KEY: {"type": "string"}, **others}, [EXPRESSION_KEY]))
    return {"description": description(cls), "anyOf": [*forms, EXPRESSION]}


def _takes_expression(cls: type[Settings]) -> bool:
    """Whether `expression` may stand for the primary setting, a formula."""
    body: dict[str, Value] = {EXPRESSION_KEY: ""}
    return cls.spread(body) != body


def description(cls: type[Settings]) -> str:
    """The docstring, which is Markdown, and what editors show."""
    return inspect.cleandoc(cls.__doc__ or "")


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _primary_alone(schema: Schema) -> list[Schema]:
    """The forms of the primary setting behind the name: a mapping there would be the settings."""
    return [
        (
            {"not": {"type": ["object", "null"]}}
            if not one
            else _list(one)
            if one.get("type") == "array"
            else with_expressions(one)
        )
        for one in alternatives(schema)
        if one.get("type") not in ("object", "null")
    ]


def _list(schema: Schema) -> Schema:
    return {key: value for key, value in with_expressions(schema).items() if key != "pattern"} | {
        "type": "array"
    }


def _spread(inner: Registry, properties: Schema, primary: str) -> Schema:
    """`Bidirectional: {LSTM: 8, merge_mode: sum}`: the primary setting by its own name, among the
    settings.
    """
    others = {name: one for name, one in properties.items() if name != primary}
    members = {name: reference(inner, name) for name in inner.names() if name not in others}
    return {"type": "object", "properties": {**others, **members}, "additionalProperties": False}


def _reserved(cls: type[Layer]) -> dict[str, Schema]:
    """What an entry of `layers` takes beside the settings of its layer."""
    return {
        "from": {"$ref": "#/$defs/from"} if cls.arguments == ONE else sources(cls.arguments),
        "call": _call(cls),
        "when": {"$ref": "#/$defs/when"},
        "repeat": {"$ref": "#/$defs/repeat"},
    }


def sources(arguments: tuple[Argument, ...]) -> Schema:
    """`from`: a tensor, a list of tensors, or tensors by the call's argument."""
    if arguments == NAMED:
        mapping = {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/tensor"},
            "minProperties": 1,
        }
        return {"anyOf": [{"$ref": "#/$defs/tensors"}, mapping]}
    names: dict[str, Any] = {}
    for argument in arguments:
        names[argument.name] = {"$ref": "#/$defs/tensors" if argument.many else "#/$defs/tensor"}
        names |= {item: {"$ref": "#/$defs/tensor"} for item in argument.items}
    by_name = {
        "type": "object",
        "properties": names,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [{"$ref": "#/$defs/tensors"}, by_name]}


def _call(cls: type[Layer]) -> Schema:
    if not cls.options:
        return {"$ref": "#/$defs/call"}
    types = {bool: "boolean", int: "integer", float: "number", str: "string"}
    known = {"training": bool, **cls.options}
    properties = {name: with_expressions({"type": types[kind]}) for name, kind in known.items()}
    return or_expression(
        {"type": "object", "properties": properties, "additionalProperties": False}
    )

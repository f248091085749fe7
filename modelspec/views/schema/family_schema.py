"""The schema of a family of components or layers: a name, a name with its primary setting, a name
with its settings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from modelspec.catalog.components.family import FORMULA
from modelspec.catalog.layers.layer import NAMED, ONE, Argument, Layer
from modelspec.catalog.library import kinds as library_kinds
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings
from modelspec.core.source import Value

from .field_docs import joined
from .keras_pages import address
from .serialized_schema import NO_MAPPING, or_serialized
from .value_schema import (
    EXPRESSION,
    NULL,
    TYPES,
    Schema,
    alternatives,
    or_expression,
    settings,
    with_expressions,
    without,
)


def definitions(family: Registry) -> dict[str, Schema]:
    """`$defs` of a family: the family by its noun, and each member by `noun.Kind`."""
    found = {
        f"{family.noun}.{kind}": member(cls, family)
        for kind, cls in ((kind, family.find(kind)) for kind in _with_settings(family))
        if cls is not None
    }
    return {
        family.noun: _family(family, {name: schema_needs(found[name]) for name in found}),
        **found,
    }


def is_named_only(family: Registry) -> bool:
    """Whether the members of modelspec are names without settings, as activations are."""
    return bool(getattr(family, "name_only", False))


def _with_settings(family: Registry) -> list[str]:
    """The members that may have settings: all, or only those of plugins."""
    return [*(family.added if is_named_only(family) else family.kinds())]


def schema_needs(member_schema: Schema) -> bool:
    """Whether a member of this schema has settings without a default."""
    return bool(member_schema["anyOf"][0].get("required"))


def reference(family: Registry, name: str) -> Schema:
    """The schema of the value of a name or an alias."""
    return {"$ref": f"#/$defs/{family.noun}.{family.aliases.get(name, name)}"}


def _family(family: Registry, needs: dict[str, bool]) -> Schema:
    def bare(name: str) -> bool:
        return not needs.get(f"{family.noun}.{family.aliases.get(name, name)}", False)

    names = sorted(filter(bare, family.names()), key=str.lower)
    forms: list[Schema] = [names_of(family.noun, names)] if names else []
    in_any_case = [*getattr(family, "by_shape", ())]
    if getattr(family, "any_case", False):
        in_any_case = [*filter(bare, family.own_kinds()), *in_any_case]
    if in_any_case:
        forms.append(_in_any_case(in_any_case))
    if not _with_settings(family):
        return by_form([*forms, EXPRESSION], or_serialized(NO_MAPPING))
    return by_form([*forms, EXPRESSION], or_serialized(_mappings(family)))


def _in_any_case(names: Iterable[str]) -> Schema:
    return {"type": "string", "pattern": f"^({'|'.join(map(_any_case, names))})$"}


def names_of(noun: str, names: list[str]) -> Schema:
    """One of some names. Editors would list all of them in the message about another one."""
    return {"enum": names, "errorMessage": f"unknown {noun}, or missing settings"}


def by_form(others: list[Schema], mapping: Schema) -> Schema:
    """A mapping, or one of the other forms.

    The type of the value selects the form, so that an editor reports what is wrong inside a mapping
    and not that it is none of the other forms.
    """
    forms: list[Schema] = [*others, {"type": "object"}]
    return {"anyOf": forms, "if": {"type": "object"}, "then": mapping}


def _mappings(family: Registry) -> Schema:
    """The forms of a member with settings."""
    form = one_of(family)
    if family.noun == "layer":
        # The keys of an entry of `layers` besides its settings have no meaning for a layer inside
        # another.
        inner: Schema = {"additionalProperties": {"$ref": "#/$defs/inner"}}
        return {**form, "allOf": [*form["allOf"], inner]}
    if FORMULA not in family:
        return form
    return {"if": {"required": [FORMULA]}, "then": _formula(family), "else": form}


def _formula(family: Registry) -> Schema:
    """`{formula: ..., name: ...}`: a formula with its settings."""
    cls = family.find(FORMULA)
    assert cls is not None
    others = without(settings(cls)["properties"], "formula")
    return _formula_beside({name: with_expressions(one) for name, one in others.items()})


def _formula_beside(others: Schema) -> Schema:
    """A mapping with a formula under `formula`, and other settings."""
    return _object({FORMULA: {"type": "string"}, **others}, [FORMULA])


def one_of(family: Registry) -> Schema:
    """A mapping with one key, a name of the family."""
    by_shape = getattr(family, "by_shape", ())
    names = family.added if is_named_only(family) else family.names()
    written = {name: reference(family, name) for name in names if name not in by_shape}
    schema: Schema = {
        "type": "object",
        "properties": written,
        "additionalProperties": False,
        "minProperties": 1,
        # Beside the properties, editors offer none of them on the line below the key.
        "allOf": [{"maxProperties": 1}],
    }
    if getattr(family, "any_case", False):
        schema["patternProperties"] = {
            f"^{_any_case(kind)}$": reference(family, kind) for kind in family.own_kinds()
        }
    return schema


def _any_case(name: str) -> str:
    """A case-insensitive pattern for a name; JSON Schema patterns have no flag for it."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in name)


# Members ------------------------------------------------------------------------------------------


def member(cls: type[Settings], family: Registry) -> Schema:
    """The value of a name: the settings, only the primary setting, or null if none is required."""
    read = settings(cls)
    properties = {name: with_expressions(one) for name, one in read["properties"].items()}
    if issubclass(cls, Layer):
        properties.update(_reserved(cls))
    forms: list[Schema] = [_object(properties, read["required"])]
    if not read["required"]:
        forms.append(NULL)
    primary = cls.primary()
    if primary is not None:
        forms += _primary_forms(cls, primary, properties)
    if getattr(cls, "wraps_each_layer", False):
        forms += _model_forms(properties, str(primary))
    return {"description": _described(cls, family), "anyOf": [*forms, EXPRESSION]}


_WORDS = "layer|layers|inputs|outputs|shared|weights|name|trainable|dtype|from|call|when|repeat"
_OWN_NAME = rf"^(?!(?:{_WORDS})$)[a-z_]"
"""The name of a block of the file: names of layers start with a capital letter."""


def _model_forms(properties: Schema, primary: str) -> list[Schema]:
    """The value of a wrapper of models: the name of a shared layer of the file, a list of layers, a
    model with its own `layers`, a block, or a kind of the library.
    """
    chain: list[Schema] = [
        {"type": "string"},
        {"type": "array", "items": {"$ref": "#/$defs/entry.any"}},
    ]
    own = {_OWN_NAME: {"type": ["object", "null"]}}
    block: Schema = {"type": "object", "patternProperties": own, "additionalProperties": False}
    models: list[Schema] = [
        {"$ref": "#/$defs/submodel.any"},
        {"$ref": "#/$defs/shipped"},
        {**block, "minProperties": 1, "maxProperties": 1},
    ]
    held = {"anyOf": [properties[primary], *chain, *models]}
    shipped = {name: {"$ref": f"#/$defs/library.{name}"} for name in library_kinds()}
    others = without(properties, primary)
    return [
        *chain,
        _object({**properties, primary: held}, [primary]),
        {**_object({**others, **shipped}, []), "patternProperties": own},
    ]


def _primary_forms(cls: type[Settings], primary: str, properties: Schema) -> list[Schema]:
    """The forms in which the primary setting has no key."""
    read = settings(cls)
    forms: list[Schema] = []
    if not set(read["required"]) - {primary}:
        forms += _primary_alone(read["properties"][primary])
        if getattr(cls, "spread_primary", False):
            texts = {"type": "object", "additionalProperties": {"type": "string"}}
            forms.append({**texts, "minProperties": 1})
    inner = cls.primary_family()
    if inner is not None:
        forms.append(_spread(inner, properties, primary))
    elif FORMULA not in properties and _takes_formula(cls):
        forms.append(_formula_beside(without(properties, primary)))
    return forms


def _takes_formula(cls: type[Settings]) -> bool:
    """Whether the primary setting is a formula, which may be written as `formula`."""
    body: dict[str, Value] = {FORMULA: ""}
    return cls.spread(body) != body


def description(cls: type[Settings]) -> str:
    """The docstring in Markdown, which editors show."""
    return joined(inspect.cleandoc(cls.__doc__ or ""))


def _described(cls: type[Settings], family: Registry) -> str:
    """The docstring, with the address of the Keras documentation."""
    page = address(family.noun, cls.kind())
    return description(cls) + (f"\n\nKeras: {page}" if page else "")


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _primary_alone(schema: Schema) -> list[Schema]:
    """The forms of a single primary setting; a mapping would be the settings."""
    kinds = (one for one in alternatives(schema) if one.get("type") not in ("object", "null"))
    return [_alone(one) for one in kinds]


def _alone(schema: Schema) -> Schema:
    if not schema:
        return {"not": {"type": ["object", "null"]}}
    if schema.get("type") == "array":
        return {**without(with_expressions(schema), "pattern"), "type": "array"}
    return with_expressions(schema)


def _spread(inner: Registry, properties: Schema, primary: str) -> Schema:
    """`Bidirectional: {LSTM: 8, merge_mode: sum}`: the primary setting by its kind, among the
    settings.
    """
    others = without(properties, primary)
    members = {name: reference(inner, name) for name in inner.names() if name not in others}
    return _object({**others, **members}, [])


def _reserved(cls: type[Layer]) -> dict[str, Schema]:
    """The keys of an entry of `layers` besides the settings of its layer."""
    return {
        "from": {"$ref": "#/$defs/from"} if cls.arguments == ONE else sources(cls.arguments),
        "call": _call(cls),
        "when": {"$ref": "#/$defs/when"},
        "repeat": {"$ref": "#/$defs/repeat"},
    }


def sources(arguments: tuple[Argument, ...]) -> Schema:
    """`from`: a tensor, a list of tensors, or tensors by the call's argument."""
    tensor, tensors = {"$ref": "#/$defs/tensor"}, {"$ref": "#/$defs/tensors"}
    if arguments == NAMED:
        mapping = {"type": "object", "additionalProperties": tensor, "minProperties": 1}
        return {"anyOf": [tensors, mapping]}
    names: dict[str, Any] = {}
    for argument in arguments:
        names[argument.name] = tensors if argument.many else tensor
        names |= dict.fromkeys(argument.items, tensor)
    by_name = {**_object(names, []), "minProperties": 1}
    return {"anyOf": [tensors, by_name]}


def _call(cls: type[Layer]) -> Schema:
    if not cls.options:
        return {"$ref": "#/$defs/call"}
    known = {"training": bool, **cls.options}
    properties = {name: with_expressions({"type": TYPES[kind]}) for name, kind in known.items()}
    return or_expression(_object(properties, []))

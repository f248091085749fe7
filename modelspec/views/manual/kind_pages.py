"""Pages of layers and components, made from their settings, and the lists of each family."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from modelspec.catalog.layers.layer import ONE, Argument, Layer
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from ..schema.family_schema import RESERVED, is_named_only
from ..schema.file_schema import FAMILIES
from ..schema.key_docs import KEYS
from ..schema.type_text import plural, words, written
from ..schema.value_schema import settings
from .page import Page, Row, Table

_OPTION: Final = {
    bool: "`true` or `false`",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def families() -> dict[str, Registry]:
    """Every family by the plural of its noun: `layers`, `optimizers`, `losses`."""
    return {plural(family.noun): family for family in FAMILIES}


# One kind -----------------------------------------------------------------------------------------


def page(family: Registry, name: str) -> Page:
    """The page of a member of a family, by its name or an alias; also of a name that is refused."""
    if name in family.refused:
        return Page(
            name,
            f"no {family.noun} of a spec",
            f"`{name}` cannot stand in a spec: {family.refused[name]}.",
        )
    cls = family.find(name)
    if cls is None:
        return Page(name, family.noun, _named_by_shape(family, name))
    if is_named_only(family):
        return Page(
            name, family.noun, inspect.cleandoc(cls.__doc__ or ""), notes=_names(cls, family, name)
        )
    kind = cls.kind()
    return Page(
        kind,
        family.noun,
        inspect.cleandoc(cls.__doc__ or ""),
        tuple(_tables(cls)),
        (*_short_form(cls, family), *_names(cls, family, kind), *_everywhere(cls)),
    )


def _named_by_shape(family: Registry, name: str) -> str:
    single, indices, as_wide = getattr(family, "by_shape", {})[name.lower()]
    return (
        f"The {family.noun} of this name that fits the output: `{single}` where it has one unit,"
        f" `{indices}` where the targets are class indices, `{as_wide}` where they are as wide as"
        " the output."
    )


def rows(cls: type[Settings], *, common: bool = False) -> tuple[Row, ...]:
    """A row for each setting; with `common`, those that the whole family has too."""
    read = settings(cls)
    return tuple(
        row(name, schema, needed=name in read["required"])
        for name, schema in read["properties"].items()
        if common or name not in cls.common or not issubclass(cls, Layer)
    )


def row(name: str, schema: dict[str, Any], *, needed: bool) -> Row:
    """A setting in words."""
    taken = dict(schema)
    if schema.get("default", ...) is None and "anyOf" in schema:
        # That `null` may be written follows from its being the default.
        taken["anyOf"] = [one for one in schema["anyOf"] if one != {"type": "null"}]
    default = "needed" if needed else written(schema["default"]) if "default" in schema else ""
    return Row(name, words(taken), default, " ".join(schema.get("description", "").split()))


def _tables(cls: type[Settings]) -> Iterator[Table]:
    if found := rows(cls):
        yield Table("Settings", found)
    if issubclass(cls, Layer) and (cls.arguments != ONE or cls.options):
        tensors = (
            Row(argument.name, _tensors(argument), "needed" if argument.required else "optional")
            for argument in cls.arguments
        )
        options = (
            Row(name, f"{_OPTION[kind]} (in `call`)", "optional")
            for name, kind in cls.options.items()
        )
        yield Table(
            "What a call takes (`from`, `call`)", (*tensors, *options), ("argument", "takes", "")
        )


def _tensors(argument: Argument) -> str:
    if not argument.many:
        return "a tensor"
    if argument.most is None:
        count = f"at least {argument.least}"
    elif argument.most == argument.least:
        count = str(argument.least)
    else:
        count = f"{argument.least} to {argument.most}"
    named = f": {', '.join(f'`{item}`' for item in argument.items)}" if argument.items else ""
    return f"a list of {count} tensors{named}"


def _short_form(cls: type[Settings], family: Registry) -> Iterator[str]:
    """The sentence about `- Kind: value`, where that is a whole entry."""
    primary, read = cls.primary(), settings(cls)
    if primary is None or set(read["required"]) - {primary}:
        return
    schema = read["properties"][primary]
    if schema.get("type") == "object":
        return
    start = "- " if family.noun == "layer" else ""
    yield f"`{start}{cls.kind()}: ...` sets `{primary}`."


def _names(cls: type[Settings], family: Registry, name: str) -> tuple[str, ...]:
    others = [alias for alias, kind in family.aliases.items() if kind == name]
    also = (f"Also written {', '.join(f'`{alias}`' for alias in others)}.",) if others else ()
    ours = cls.keras_module in ("", "modelspec")
    return also if ours else (*also, f"In Keras: `keras.{cls.keras_module}.{cls.kind()}`.")


def _everywhere(cls: type[Settings]) -> tuple[str, ...]:
    if not issubclass(cls, Layer):
        return ()
    return (
        (
            "Every layer also takes `name`, `trainable` and `dtype`, and as an entry of `layers`"
            " `from`, `call`, `when` and `repeat`: see `modelspec explain layers`."
        ),
    )


# Families -----------------------------------------------------------------------------------------


def family_page(family: Registry) -> Page:
    """The list of a family."""
    tables = tuple(_lists(family))
    text = (
        f"{len(list(family.kinds()))} {plural(family.noun)}; `modelspec explain NAME` tells more"
        " about each."
    )
    if family.noun == "layer":
        common = tuple(one for one in rows(Layer, common=True) if one.name in Layer.common)
        entry = tuple(Row(word, KEYS[word].takes, "", KEYS[word].text) for word in RESERVED)
        tables = (
            *tables,
            Table("Settings of every layer", common),
            Table("Of an entry of `layers`, beside its layer's settings", entry),
        )
    refused = (
        (f"Not in a spec: {', '.join(f'`{name}`' for name in family.refused)}.",)
        if family.refused
        else ()
    )
    return Page(plural(family.noun), "", text, tables, refused)


def _lists(family: Registry) -> Iterator[Table]:
    """The members by the module that defines them; one list where that is one module."""
    for module, kinds in family.modules.items():
        listed = tuple(Row(kind, _first_sentence(family, kind)) for kind in kinds)
        heading = (
            module.replace("_", " ").capitalize()
            if len(family.modules) > 1
            else plural(family.noun).capitalize()
        )
        yield Table(heading, listed, (family.noun, "", ""))


def _first_sentence(family: Registry, kind: str) -> str:
    cls = family.find(kind)
    first = inspect.cleandoc((cls.__doc__ if cls else "") or "").split("\n\n")[0]
    return " ".join(first.split())

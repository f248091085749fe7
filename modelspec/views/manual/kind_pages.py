"""Pages of layers and components, generated from their settings, and the lists of each family."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from modelspec.catalog.layers.layer import ONE, Argument, Layer
from modelspec.core.diagnostics import listed
from modelspec.core.plugins.declared import Declared, KerasDeclared
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from ..schema.family_schema import is_named_only
from ..schema.file_schema import FAMILIES
from ..schema.keras_pages import address
from ..schema.key_docs import KEYS
from ..schema.type_text import plural, words, written
from ..schema.value_schema import NULL, TYPES, settings
from .page import NEEDED, OPTIONAL, Page, Row, Table


def families() -> dict[str, Registry]:
    """Every family by the plural of its noun: `layers`, `optimizers`, `losses`."""
    return {plural(family.noun): family for family in FAMILIES}


# One kind -----------------------------------------------------------------------------------------


def page(family: Registry, name: str) -> Page:
    """The page of a member of a family, by its name or an alias; also of an unsupported name."""
    if name in family.refused:
        return Page(
            name,
            f"not a {family.noun} of a spec",
            f"`{name}` is not supported in a spec: {family.refused[name]}.",
        )
    cls = family.find(name)
    if cls is None:
        return Page(name, family.noun, _named_by_shape(family, name))
    text = inspect.cleandoc(cls.__doc__ or "")
    if is_named_only(family) and name not in family.added:
        return Page(name, family.noun, text, notes=_names(cls, family, name))
    kind = cls.kind()
    notes = (*_short_form(cls, family), *_names(cls, family, kind), *_everywhere(cls))
    noun = getattr(cls, "plugin_noun", family.noun)  # a transform of a plugin is among the layers
    return Page(kind, noun, text, tuple(_tables(cls)), notes)


def _named_by_shape(family: Registry, name: str) -> str:
    single, indices, as_wide = getattr(family, "by_shape", {})[name.lower()]
    return (
        f"The {family.noun} of this name for the output: `{single}` if the output has one unit,"
        f" `{indices}` if the targets are class indices, `{as_wide}` if they have the same size as"
        " the output."
    )


def rows(cls: type[Settings], *, common: bool = False) -> tuple[Row, ...]:
    """A row for each setting; with `common`, also for the settings of the whole family."""
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
        # `null` is allowed because it is the default.
        taken["anyOf"] = [one for one in schema["anyOf"] if one != NULL]
    default = NEEDED if needed else ""
    if not needed and "default" in schema:
        default = written(schema["default"])
    return Row(name, words(taken), default, " ".join(schema.get("description", "").split()))


def _tables(cls: type[Settings]) -> Iterator[Table]:
    if found := rows(cls):
        yield Table("Settings", found)
    if issubclass(cls, Layer) and (cls.arguments != ONE or cls.options):
        call = (*map(_tensor_row, cls.arguments), *map(_option_row, cls.options.items()))
        yield Table("Arguments of a call (`from`, `call`)", call, ("argument", "takes", ""))


def _tensor_row(argument: Argument) -> Row:
    return Row(argument.name, _tensors(argument), NEEDED if argument.required else OPTIONAL)


def _option_row(option: tuple[str, type]) -> Row:
    name, kind = option
    return Row(name, f"{words({'type': TYPES[kind]})} (in `call`)", OPTIONAL)


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
    """The sentence about `- Kind: value`, if that is a complete entry."""
    primary, read = cls.primary(), settings(cls)
    if primary is None or set(read["required"]) - {primary}:
        return
    schema = read["properties"][primary]
    if schema.get("type") == "object":
        return
    start = "- " if family.noun == "layer" else ""
    yield f"`{start}{cls.kind()}: ...` sets `{primary}`."


def _names(cls: type[Settings], family: Registry, name: str) -> tuple[str, ...]:
    """The sentences about other names of a kind."""
    others = [alias for alias, kind in family.aliases.items() if kind == name]
    found = []
    if others:
        found.append(f"Also written {', '.join(f'`{alias}`' for alias in others)}.")
    if issubclass(cls, KerasDeclared):
        found.append(f"Keras class: `{cls.keras}`, of a plugin: see `modelspec plugins`.")
    elif issubclass(cls, Declared):
        found.append(f"Of the plugin `{cls.__module__}`: see `modelspec plugins`.")
    elif cls.keras_module not in ("", "modelspec"):
        found.append(f"In Keras: `keras.{cls.keras_module}.{cls.kind()}`.")
    if page := address(family.noun, cls.kind()):
        found.append(f"Keras documentation: {page}")
    return tuple(found)


def _everywhere(cls: type[Settings]) -> tuple[str, ...]:
    if not issubclass(cls, Layer):
        return ()
    return (
        f"Every layer also takes {listed(Layer.common)}, and as an entry of `layers`"
        f" {listed(Layer.reserved)}: see `modelspec explain layers`.",
    )


# Families -----------------------------------------------------------------------------------------


def family_page(family: Registry) -> Page:
    """The list of a family."""
    many = plural(family.noun)
    text = f"{len(list(family.kinds()))} {many}; `modelspec explain NAME` shows the page of each."
    tables = [*_lists(family)]
    if family.noun == "layer":
        common = tuple(one for one in rows(Layer, common=True) if one.name in Layer.common)
        entry = tuple(Row(word, KEYS[word].takes, "", KEYS[word].text) for word in Layer.reserved)
        tables.append(Table("Settings of every layer", common))
        tables.append(
            Table("Keys of an entry of `layers`, besides the settings of its layer", entry)
        )
    notes = []
    if family.refused:
        notes.append(
            f"Not supported in a spec: {', '.join(f'`{name}`' for name in family.refused)}."
        )
    return Page(many, "", text, tuple(tables), tuple(notes))


def _lists(family: Registry) -> Iterator[Table]:
    """The members by the module that defines them; one list if all are in one module, or each is in
    a separate module.
    """
    apart = len(family.modules) > 1 and any(len(kinds) > 1 for kinds in family.modules.values())
    groups = dict(family.modules) if apart else {plural(family.noun): tuple(family.kinds())}
    if apart and family.added:
        groups["plugins"] = tuple(family.added)
    for name, kinds in groups.items():
        members = tuple(Row(kind, summary(family, kind)) for kind in kinds)
        yield Table(name.replace("_", " ").capitalize(), members, (family.noun, "", ""))


def summary(family: Registry, kind: str) -> str:
    """The first sentence of a kind's page."""
    cls = family.find(kind)
    first = inspect.cleandoc((cls.__doc__ if cls else "") or "").split("\n\n")[0]
    return " ".join(first.split())

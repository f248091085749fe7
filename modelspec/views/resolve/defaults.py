"""Fills in every omitted setting of a spec with its default.

The result is read again: a setting that a layer does not support (a few Keras layers have no
`trainable`) is removed again. A component with random values (`glorot_uniform`) remains a name: as
a separate object it would be created at another time, with other random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, get_args

from pydantic import PlainValidator
from pydantic.fields import FieldInfo

from modelspec.catalog.components.family import Family, Reader, read_component
from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Source, Span
from modelspec.core.settings import Context, Faults, Section, Settings
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

_RESERVED = ("name", "from", "call")
_FOLLOWS = {
    "dtype": "it follows `runtime.precision`",
    "data_format": "it follows the model's `image_data_format`",
}


@dataclass(frozen=True, eq=False)
class Default(Source):
    """A pseudo file, for a value that is not in a file. Its name is the origin of the value."""


def by_default(why: str) -> Span:
    """The place of a default value."""
    return Span(Default(why, ""), 0, 0)


def is_default(span: Span) -> bool:
    """Whether a value is a default."""
    return isinstance(span.source, Default)


def node_of(value: Any, span: Span) -> Node:
    """A plain value as a node, with a single place."""
    if isinstance(value, (tuple, list)):
        return Sequence(tuple(node_of(item, span) for item in value), span)
    if isinstance(value, dict):
        return Mapping(
            {str(key): Entry(span, node_of(item, span)) for key, item in value.items()}, span
        )
    return Scalar(str(value) if isinstance(value, PurePath) else value, span, True)


@dataclass(frozen=True)
class Filler:
    """Fills in the settings of layers and components."""

    context: Context

    def value(self, value: Any, node: Node | None, family: Family | None, why: str) -> Node:
        """The value of a setting, written as `node`, in its longest form."""
        if isinstance(value, str) and family is not None:
            value = self._made(value, family)
        if isinstance(value, Settings):
            return self.component(value, node, why)
        if isinstance(value, (tuple, list)) and any(isinstance(item, Settings) for item in value):
            return self._list(value, node, family, why)
        return node if node is not None else node_of(value, by_default(why))

    def _list(
        self, value: SequenceType[Any], node: Node | None, family: Family | None, why: str
    ) -> Node:
        """A list of components, each in its longest form."""
        written = isinstance(node, Sequence) and len(node.items) == len(value)
        items = node.items if written and isinstance(node, Sequence) else (None,) * len(value)
        found = (self.value(item, one, family, why) for item, one in zip(value, items, strict=True))
        return Sequence(tuple(found), node.span if node is not None else by_default(why))

    def _made(self, name: str, family: Family) -> Settings | str:
        """A component that is written as a name, if it has settings."""
        is_name = family.takes_name_only(name) or name.lower() in family.by_shape
        cls = None if is_name else family.find(name)
        if cls is None or "seed" in cls.model_fields:
            return name
        telling = [one for key, one in cls.model_fields.items() if key not in ("name", "dtype")]
        if not any(one.default is not None and not one.is_required() for one in telling):
            return name
        return read_component(family, name, self.context)

    def component(self, made: Settings, node: Node | None, why: str) -> Node:
        """A name with its settings, from any of its three written forms."""
        span = node.span if node is not None else by_default(why)
        key_span, body = span, None
        if isinstance(node, Mapping):
            if len(node.entries) != 1:
                return node
            entry = next(iter(node.entries.values()))
            key_span, body = entry.key_span, entry.value
        return Mapping({made.kind(): Entry(key_span, self.settings(made, body, span))}, span)

    def settings(self, made: Settings, body: Node | None, span: Span) -> Node:
        """The settings after a name: the written ones and the defaults; `body` if that is not
        possible.
        """
        cls = type(made)
        written = _written(cls, body)
        found: dict[str, Entry] = {}
        for name in (*(name for name in cls.model_fields if name not in cls.common), *cls.common):
            entry, value = written.get(name), getattr(made, name, None)
            why = _why(cls, name)
            family = family_of(cls.model_fields[name])
            if entry is not None:
                found[name] = Entry(entry.key_span, self.value(value, entry.value, family, why))
            elif _writable(cls, name, value):
                found[name] = Entry(by_default(why), self.value(value, None, family, why))
        right = self._checked(made, found)
        place = body.span if body is not None else span
        return Mapping(right, place) if right is not None else body or Mapping({}, place)

    def _checked(self, made: Settings, found: dict[str, Entry]) -> dict[str, Entry] | None:
        """The settings without those that the class does not support; None if the meaning would
        change.
        """
        while True:
            values = {name: plain(entry.value) for name, entry in found.items()}
            try:
                again = type(made).build(values, self.context)
            except Faults as error:
                wrong = _filled_in_wrong(found, error)
                if not wrong:
                    return None
                found = {name: entry for name, entry in found.items() if name not in wrong}
                continue
            return found if self._canonical(again) == self._canonical(made) else None

    def _canonical(self, value: Any, family: Family | None = None) -> Any:
        """A value in a canonical form."""
        if isinstance(value, str) and family is not None:
            value = self._made(value, family)
        if isinstance(value, Settings):
            fields = type(value).model_fields
            return type(value), {
                name: self._canonical(getattr(value, name), family_of(field))
                for name, field in fields.items()
            }
        if isinstance(value, (tuple, list)):
            return [self._canonical(item) for item in value]
        return value


def _filled_in_wrong(found: MappingType[str, Entry], error: Faults) -> set[str]:
    """The filled-in settings that cause errors."""
    wrong = {str(fault.path[0]) for fault in error.faults if fault.path}
    return {name for name in wrong if name in found and is_default(found[name].key_span)}


def missing(made: Settings, written: MappingType[str, Any]) -> Iterator[tuple[str, Any]]:
    """Omitted keys of a section that have a default."""
    idle = made.without_effect() if isinstance(made, Section) else ()
    for name, field in type(made).model_fields.items():
        if (
            name not in written
            and name not in idle
            and not field.is_required()
            and (value := getattr(made, name)) is not None
        ):
            yield name, value


def _written(cls: type[Settings], body: Node | None) -> dict[str, Entry]:
    """Settings by name, for `Settings.read`."""
    if body is None or (isinstance(body, Scalar) and body.value is None):
        return {}
    primary = cls.primary()
    if not isinstance(body, Mapping):
        return {primary: Entry(body.span, body)} if primary else {}
    if primary is None or primary in body.entries or cls.primary_family() is None:
        return body.entries
    return _spread(cls, primary, body)


def _spread(cls: type[Settings], primary: str, body: Mapping) -> dict[str, Entry]:
    """The primary setting under its name, if it is written as the mapping itself:
    `Bidirectional: {LSTM: 8}`.
    """
    spread = cls.spread(dict.fromkeys(body.entries))
    others = {key: entry for key, entry in body.entries.items() if key not in spread}
    if len(others) != 1:
        return body.entries
    entry = next(iter(others.values()))
    rest = {key: one for key, one in body.entries.items() if key not in others}
    return {primary: Entry(entry.key_span, Mapping(others, entry.span)), **rest}


def _writable(cls: type[Settings], name: str, value: Any) -> bool:
    """Whether an omitted setting can be written at all."""
    field = cls.model_fields[name]
    if field.annotation is type(None) or field.is_required():
        return False
    return value is not None or name != "name"


def _why(cls: type[Settings], name: str) -> str:
    if issubclass(cls, Section):
        return f"the default of `{cls.kind()}.{name}`"
    if name in _FOLLOWS and (name != "dtype" or issubclass(cls, Layer)):
        return f"the default of `{cls.kind()}.{name}`: {_FOLLOWS[name]}"
    whose = "the" if cls.keras_module in ("", "modelspec") else "Keras's"
    return f"{whose} default of `{cls.kind()}.{name}`"


def family_of(field: FieldInfo) -> Family | None:
    """The family of components of a setting."""
    queue: list[Any] = [*field.metadata, field.annotation]
    for one in queue:
        if isinstance(one, PlainValidator) and isinstance(one.func, Reader):
            return one.func.family
        queue.extend(get_args(one))
    return None


def reserved_of(body: Node | None) -> dict[str, Entry]:
    """The reserved words of an entry of `layers`."""
    return (
        {key: body.entries[key] for key in _RESERVED if key in body.entries}
        if isinstance(body, Mapping)
        else {}
    )


def without_reserved(body: Node | None) -> Node | None:
    """The settings of an entry without its reserved words; None if there are none."""
    if not isinstance(body, Mapping):
        return body
    own = {key: entry for key, entry in body.entries.items() if key not in _RESERVED}
    return Mapping(own, body.span)


def of_model(context: Context, node: Mapping) -> Context:
    """The context of a model's entries: its data format."""
    entry = node.entries.get("image_data_format")
    return replace(context, image_data_format=str(plain(entry.value))) if entry else context

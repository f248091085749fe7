"""The YAML that Keras 1 and 2 wrote (`model.to_yaml()`): PyYAML output, with Python tags for
tuples, strings and the lists of tf.keras.

PyYAML parses the events, which are converted only to lists, mappings and plain values. The
supported tags are those of data: `python/tuple` and the `ListWrapper` of tf.keras are read as
lists, `python/unicode` and `python/str` as strings; all others are rejected. Depth and size are
limited, and an alias counts as the values it repeats.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from .architecture import Unreadable

_TUPLE = "tag:yaml.org,2002:python/tuple"
_STRINGS = tuple(f"tag:yaml.org,2002:python/{name}" for name in ("unicode", "str"))
_LIST = (
    "tag:yaml.org,2002:python/object/apply:"
    "tensorflow.python.training.tracking.data_structures.ListWrapper"
)
"""A list with one item, the list of a layer's setting, in files of tf.keras 2."""
_DEEPEST = 100
_MOST_NODES = 300_000
_LONGEST_NUMBER = 40
_PLAIN = "tag:yaml.org,2002:"


def value_of(text: str) -> Any:
    """The value of a document. Raises `Unreadable`."""
    try:
        return _Reader(text).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or "invalid text"
        raise Unreadable(f"this is not the JSON or YAML of a model ({what}{place})") from None


class _Reader:
    """Composes the events of one document. `sizes` are the nodes under each anchor."""

    def __init__(self, text: str) -> None:
        self._loader: Any = yaml.SafeLoader(text)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def document(self) -> Any:
        events = self._loader
        events.get_event()
        if not events.check_event(yaml.events.DocumentStartEvent):
            raise Unreadable("the file is empty")
        events.get_event()
        value = self._value(events.get_event(), 1)
        events.get_event()
        if not events.check_event(yaml.events.StreamEndEvent):
            raise Unreadable("the file has more than one document")
        return value

    def _value(self, event: Any, level: int) -> Any:
        self._count(1)
        if level > _DEEPEST:
            raise Unreadable(f"the file has more than {_DEEPEST} nested levels")
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise Unreadable(f"the alias `*{event.anchor}` is undefined, or refers to itself")
            value, size = self._anchors[event.anchor]
            self._count(size)
            return value
        before = self._nodes
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, SequenceStartEvent):
            _check_tag(event, _TUPLE, _LIST)
            value = self._list(level)
            if event.tag == _LIST:
                value = value[0] if len(value) == 1 and isinstance(value[0], list) else value
        else:
            _check_tag(event)
            value = self._mapping(level)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._nodes - before
        return value

    def _list(self, level: int) -> list[Any]:
        found = []
        while not isinstance(event := self._loader.get_event(), SequenceEndEvent):
            found.append(self._value(event, level + 1))
        return found

    def _mapping(self, level: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._loader.get_event(), MappingEndEvent):
            if not isinstance(event, ScalarEvent) or event.value == "<<":
                raise Unreadable("a key is not a string")
            key = self._scalar(event)
            found[key if isinstance(key, str) else str(event.value)] = self._value(
                self._loader.get_event(), level + 1
            )
        return found

    def _scalar(self, event: Any) -> Any:
        _check_tag(event, *_STRINGS)
        if event.tag in _STRINGS:
            return event.value
        if not event.implicit[0]:
            return event.value
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit).removeprefix(
            _PLAIN
        )
        if tag in ("int", "float") and len(event.value) > _LONGEST_NUMBER:
            raise Unreadable("a number has too many digits")
        if tag == "null":
            return None
        if tag == "bool":
            return bool(self._loader.bool_values[event.value.lower()])
        try:
            node = yaml.ScalarNode(f"{_PLAIN}{tag}", event.value)
            if tag == "int":
                return self._loader.construct_yaml_int(node)
            return self._loader.construct_yaml_float(node) if tag == "float" else event.value
        except ValueError:
            return event.value

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            raise Unreadable(
                f"the file has more than {_MOST_NODES:,} values, counting the values of each alias"
            )


def _check_tag(event: Any, *but: str) -> None:
    if event.tag not in (None, "!", *but):
        raise Unreadable(
            f"the tag `{str(event.tag)[:60]}` is not allowed, as it could name Python code",
            "only `!!python/tuple`, `!!python/unicode` and the lists of tf.keras are supported",
        )

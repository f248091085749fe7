"""Entries of lists by their names, as used in paths from outside the file:
`model.layers.stem`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as SequenceType
from typing import Final, TypeAlias

from modelspec.core.automatic_names import AutomaticNames
from modelspec.core.registry import snake_case
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .control_flow import WORDS

Way: TypeAlias = "tuple[str | int, ...]"

_LISTS: Final = ("do", "else", "branches")
"""Keys of an entry that contain more entries."""
_MANY: Final = ("repeat", "when")
"""Settings that repeat an entry, or leave it out."""
_INPUT: Final = ("shape", "dtype", "batch_size", "optional")
_FEATURE: Final = ("column", "columns", "missing", "transform", "pad", "sequence", "augment")
_BLOCK: Final = ("description", "parameters", "primary", "inputs", "layers", "outputs")
_MODEL: Final = ("inputs", "shared", "layers", "outputs", "trainable")


def name_of(settings: Node) -> str | None:
    """The `name` among the settings of an entry."""
    named = settings.entries.get("name") if isinstance(settings, Mapping) else None
    name = plain(named.value) if named else None
    return name if isinstance(name, str) else None


def kind_of(item: Node) -> str | None:
    """The kind of an entry: its only key, or the bare name."""
    if isinstance(item, Mapping) and len(item.entries) == 1:
        return next(iter(item.entries))
    return item.value if isinstance(item, Scalar) and isinstance(item.value, str) else None


def names(node: Sequence) -> Iterator[tuple[Way, str]]:
    """Every named entry of a list and of the lists inside it: the path to its settings, and its
    name.
    """
    for index, item in enumerate(node.items):
        if isinstance(item, Sequence):
            yield from (((index, *way), name) for way, name in names(item))
        if not isinstance(item, Mapping):
            continue
        if name := name_of(item):  # an entry without a kind: a stage of a training
            yield (index,), name
        for key, entry in item.entries.items():
            if key in _LISTS and isinstance(entry.value, Sequence):
                yield from (((index, key, *way), name) for way, name in names(entry.value))
            elif name := name_of(entry.value):
                yield (index, key), name


def automatic_names(node: Sequence) -> Iterator[tuple[int, str]]:
    """The automatic names of entries without one, up to the first entry that may be repeated or
    left out.
    """
    given = {name for _, name in names(node)}
    automatic = AutomaticNames()
    for index, item in enumerate(node.items):
        kind = kind_of(item)
        settings = item.entries[kind].value if isinstance(item, Mapping) and kind else None
        if kind is None or kind in WORDS or _may_be_several(settings):
            return
        if settings is None or not name_of(settings):
            yield index, automatic.next(snake_case(kind), lambda name: name not in given)


def _may_be_several(settings: Node | None) -> bool:
    """Whether an entry may be repeated or left out."""
    return isinstance(settings, Mapping) and any(word in settings.entries for word in _MANY)


def long_form(node: Node, before: SequenceType[str | int], key: str | int) -> Mapping | None:
    """The mapping that a value is the short form of, so that `key` can be set in it; `before`: the
    path to the value.

    `[28, 28, 1]` of an input is `{shape: [28, 28, 1]}`, the `age` of a feature `{column: age}`, a
    list of a block `{layers: [...]}`.
    """
    is_list = isinstance(node, Sequence)
    short, siblings = _short_form(list(before), is_list)
    if short is None or key not in siblings:
        return None
    return Mapping({short: Entry(node.span, node)}, node.span)


def _short_form(before: list[str | int], is_list: bool) -> tuple[str | None, tuple[str, ...]]:
    """The key that a value is short for at a place, and all keys of the long form."""
    match before:
        case ["model", "inputs"] | ["model", "inputs", _]:
            return ("shape" if is_list else None), _INPUT
        case ["data", "inputs" | "targets"] | ["data", "inputs" | "targets", _]:
            return ("columns" if is_list else "column"), _FEATURE
        case ["blocks", _]:
            return ("layers" if is_list else None), _BLOCK
        case ["model", "shared", _]:
            return ("layers" if is_list else None), _MODEL
        case _:
            return None, ()


def mentioned(name: str, node: Node) -> bool:
    """Whether an expression anywhere below uses the name."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            stack.extend(entry.value for entry in one.entries.values())
        elif isinstance(one, Sequence):
            stack.extend(one.items)
        elif isinstance(one.value, str) and "$" in one.value and word.search(one.value):
            return True
    return False

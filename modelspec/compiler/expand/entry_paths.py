"""Entries of lists by their names, as paths from outside of the file have them:
`model.layers.stem`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as SequenceType
from typing import Final, TypeAlias

from modelspec.core.registry import snake_case
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .control_flow import WORDS

Way: TypeAlias = "tuple[str | int, ...]"

_LISTS: Final = ("do", "else", "branches")
"""Keys of an entry that hold further entries."""
_MANY: Final = ("repeat", "when")
"""Settings that make an entry several, or none."""
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
    """The kind of an entry: its only key, or the bare name that it is."""
    if isinstance(item, Mapping) and len(item.entries) == 1:
        return next(iter(item.entries))
    return item.value if isinstance(item, Scalar) and isinstance(item.value, str) else None


def names(node: Sequence) -> Iterator[tuple[Way, str]]:
    """Every named entry of a list and of the lists inside it: the way to its settings, and its
    name.
    """
    for index, item in enumerate(node.items):
        if isinstance(item, Sequence):
            yield from (((index, *way), name) for way, name in names(item))
        if not isinstance(item, Mapping):
            continue
        for key, entry in item.entries.items():
            if key in _LISTS and isinstance(entry.value, Sequence):
                yield from (((index, key, *way), name) for way, name in names(entry.value))
            elif name := name_of(entry.value):
                yield (index, key), name


def default_names(node: Sequence) -> Iterator[tuple[int, str]]:
    """The names that entries without one get, from the first on, up to one of which it is not plain
    how many it is.
    """
    given = {name for _, name in names(node)}
    counts: dict[str, int] = {}
    for index, item in enumerate(node.items):
        kind = kind_of(item)
        settings = item.entries[kind].value if isinstance(item, Mapping) and kind else None
        many = isinstance(settings, Mapping) and any(word in settings.entries for word in _MANY)
        if kind is None or kind in WORDS or many:
            return
        if settings is not None and name_of(settings):
            continue
        base = snake_case(kind)
        while True:
            count = counts.get(base, 0)
            counts[base] = count + 1
            name = f"{base}_{count}" if count else base
            if name not in given:
                break
        yield index, name


def long_form(node: Node, before: SequenceType[str | int], key: str | int) -> Mapping | None:
    """What a value that stands for a mapping is short for, so that it can take `key`; `before`: the
    way to it.

    `[28, 28, 1]` of an input is `{shape: [28, 28, 1]}`, the `age` of a feature `{column: age}`, a
    list of a block `{layers: [...]}`.
    """
    match list(before):
        case ["model", "inputs"] | ["model", "inputs", _]:
            short = "shape" if isinstance(node, Sequence) and key in _INPUT else None
        case ["data", "inputs" | "targets"] | ["data", "inputs" | "targets", _]:
            short = (
                ("columns" if isinstance(node, Sequence) else "column") if key in _FEATURE else None
            )
        case ["blocks", _]:
            short = "layers" if isinstance(node, Sequence) and key in _BLOCK else None
        case ["model", "shared", _]:
            short = "layers" if isinstance(node, Sequence) and key in _MODEL else None
        case _:
            short = None
    return Mapping({short: Entry(node.span, node)}, node.span) if short else None


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

"""Paths in extended files or `--set`, rewritten relative to the folder of the spec.

A path is relative to the file that contains it, and to the working directory if it was set from
outside. After this stage all paths are relative to the same folder as those of the spec itself,
including in printed and saved specs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.sources import SOURCES
from modelspec.core.diagnostics import Span
from modelspec.core.paths import NamesPaths, from_folder, named_place, path_settings
from modelspec.core.places import NOWHERE
from modelspec.core.registry import Registry
from modelspec.core.settings import Context, Settings
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..spec.data_split import SPLITS
from ..spec.initial_weights import IMAGENET, InitialWeights

_WEIGHTS = NamesPaths()


def rebase(root: Mapping, context: Context, start: Path | None = None) -> Mapping:
    """The expanded document, with all paths relative to the folder of the context.

    `start` is the folder for paths in texts without a folder; by default the same.
    """

    def change(value: str, span: Span) -> str:
        origin = span.source.folder or start
        return value if origin is None else from_folder(value, origin, context)

    return _Paths(change).document(root)


def with_named_places(root: Mapping, context: Context) -> Context:
    """The context of an expanded document, which allows the paths that the user wrote outside the
    spec (`--set data.source.csv=/data/a.csv`).

    Paths from expressions are not included: their values come from the spec.
    """
    found = NOWHERE

    def note(value: str, span: Span) -> str:
        nonlocal found
        if span.source.by_user and "$" not in span.text:
            found += named_place(value, context)
        return value

    _Paths(note).document(root)
    return context if found == NOWHERE else replace(context, places=context.places + found)


def named_paths(root: Mapping) -> tuple[str, ...]:
    """Every path and pattern in an expanded document, as written, each once. Sources with a file
    for each column are excluded (`ColumnFiles.files`).
    """
    found: list[str] = []

    def note(value: str, _: Span) -> str:
        found.append(value)
        return value

    _Paths(note).document(root)
    return tuple(dict.fromkeys(found))


def leaves_folder(root: Mapping) -> bool:
    """Whether a path in an expanded document leaves the folder that it is relative to."""
    return any(Path(os.path.normpath(value)).parts[:1] == ("..",) for value in named_paths(root))


class _Paths:
    """Changes the paths of one document: `change` is called with each path and its place."""

    def __init__(self, change: Callable[[str, Span], str]) -> None:
        self.change = change

    def document(self, root: Mapping) -> Mapping:
        entries = dict(root.entries)
        for key, change in (
            ("model", self._layers),
            ("data", self._data),
            ("training", self._training),
        ):
            if key in entries:
                entries[key] = entries[key]._replace(value=change(entries[key].value))
        return Mapping(entries, root.span)

    def _data(self, node: Node) -> Node:
        if not isinstance(node, Mapping):
            return node
        entries = {}
        for key, entry in node.entries.items():
            is_source = key in ("source", *SPLITS)
            value = self._named(entry.value, SOURCES) if is_source else self._layers(entry.value)
            entries[key] = Entry(entry.key_span, value)
        return Mapping(entries, node.span)

    def _training(self, node: Node) -> Node:
        if not isinstance(node, Mapping):
            return node
        stages = node.entries.get("stages")
        if stages is not None and isinstance(stages.value, Sequence):
            items = Sequence(tuple(map(self._training, stages.value.items)), stages.value.span)
            node = Mapping({**node.entries, "stages": Entry(stages.key_span, items)}, node.span)
        if "weights" not in node.entries:
            return node
        entry = node.entries["weights"]
        value = self._settings(entry.value, InitialWeights, "path")
        return Mapping({**node.entries, "weights": Entry(entry.key_span, value)}, node.span)

    def _layers(self, node: Node) -> Node:
        """A model, or a part of one: layers are found at any level."""
        if isinstance(node, Sequence):
            return Sequence(tuple(map(self._layers, node.items)), node.span)
        if not isinstance(node, Mapping):
            return node
        found = self._named(node, LAYERS)
        assert isinstance(found, Mapping)
        entries = {
            key: Entry(entry.key_span, self._layers(entry.value))
            for key, entry in found.entries.items()
        }
        weights = entries.get("weights")
        if weights is not None and "layers" in entries and not _is_imagenet(weights.value):
            entries["weights"] = weights._replace(value=self._path(weights.value, _WEIGHTS))
        return Mapping(entries, node.span)

    def _named(self, node: Node, family: Registry) -> Node:
        """A mapping whose keys are names of kinds of a family, with their settings."""
        if not isinstance(node, Mapping):
            return node
        entries = dict(node.entries)
        for key, entry in node.entries.items():
            kind = family.find(key) if key in family else None
            if kind is not None:
                value = self._settings(entry.value, kind, kind.primary())
                entries[key] = Entry(entry.key_span, value)
        return Mapping(entries, node.span)

    def _settings(self, node: Node, kind: type[Settings], primary: str | None) -> Node:
        """The settings of a kind, or its bare primary setting."""
        marks = path_settings(kind)
        if not isinstance(node, Mapping):
            return self._path(node, marks[primary]) if primary in marks else node
        entries = {
            key: entry._replace(value=self._path(entry.value, marks[key]))
            if key in marks
            else entry
            for key, entry in node.entries.items()
        }
        return Mapping(entries, node.span)

    def _path(self, node: Node, mark: NamesPaths) -> Node:
        if isinstance(node, Sequence) and mark.lists:
            return Sequence(tuple(self._path(item, mark) for item in node.items), node.span)
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return node
        value = self.change(node.value, node.span)
        return node if value == node.value else node._replace(value=value)


def _is_imagenet(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value == IMAGENET

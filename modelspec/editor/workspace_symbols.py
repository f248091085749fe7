"""The names in all specs below the folders of the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from modelspec.compiler.spec.looks_like_spec import looks_like_spec
from modelspec.core.source import Document, read

from .outline import Item, outline
from .positions import Lines, Unit

_FILES: Final = 500
"""The most files that are read for one question."""
_BYTES: Final = 20_000_000
_VISITED: Final = 20_000
"""The most files and folders that are looked at."""
_MOST: Final = 500
"""The most symbols of an answer."""
_EXTENSIONS: Final = (".yaml", ".yml", ".json")
_SKIPPED: Final = frozenset(("node_modules", "__pycache__", "site-packages"))
_SHOWN: Final = ("block", "layer", "model", "input", "variable")


class Symbol(NamedTuple):
    """A name in a file."""

    name: str
    kind: str
    within: str
    file: str
    start: tuple[int, int]
    end: tuple[int, int]


class Specs:
    """The symbols of files, kept until a file changes."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._kept: dict[str, tuple[tuple[int, int], tuple[Symbol, ...]]] = {}

    def named(self, query: str, folders: Sequence[Path]) -> list[Symbol]:
        """The symbols whose names contain the characters of the query, in their order."""
        found: list[Symbol] = []
        kept: dict[str, tuple[tuple[int, int], tuple[Symbol, ...]]] = {}
        for path, stamp in _files(folders):
            known = self._kept.get(path)
            if known is None or known[0] != stamp:
                known = stamp, tuple(_symbols(path, self._unit))
            kept[path] = known
            found += [one for one in known[1] if _fits(query, one.name)]
        self._kept = kept
        return sorted(found, key=lambda one: (len(one.name), one.name, one.file))[:_MOST]


def _files(folders: Sequence[Path]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The files that may be specs, with the time of their last change and their size."""
    visited = count = size = 0
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = sorted(one for one in inner if one[0] != "." and one not in _SKIPPED)
            visited += len(inner) + len(names)
            if visited > _VISITED:
                return
            for name in sorted(names):
                if not name.lower().endswith(_EXTENSIONS) or name[0] == ".":
                    continue
                path = os.path.join(place, name)  # noqa: PTH118  # many files: a `Path` costs more
                try:
                    found = os.lstat(path)
                except OSError:
                    continue
                count, size = count + 1, size + found.st_size
                if count > _FILES or size > _BYTES:
                    return
                yield path, (found.st_mtime_ns, found.st_size)


def _symbols(path: str, unit: Unit) -> Iterator[Symbol]:
    document = read(path).value
    if document is None or not _is_spec(document):
        return
    lines = Lines(document.root.span.source.text, unit)
    pending: list[tuple[Item, str]] = [(one, "") for one in outline(document.root)]
    while pending:
        item, within = pending.pop()
        if item.kind in _SHOWN:
            start, end = lines.position(item.name_start), lines.position(item.name_end)
            yield Symbol(item.name, item.kind, within, path, start, end)
        pending.extend((one, item.name) for one in item.below)


def _is_spec(document: Document) -> bool:
    return looks_like_spec(document.root.span.source.text)


def _fits(query: str, name: str) -> bool:
    rest = iter(name.lower())
    return all(character in rest for character in query.lower())

"""`text`: text files in class folders, or files with one text per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from ..table import Array, Table
from .formats import files
from .formats.class_folders import Member, fingerprint_of_members, members
from .formats.joined_files import JoinedTable
from .formats.text_lines import lines, not_utf8

_ENDINGS = frozenset({".txt"})


class FolderTable(Table):
    """One text per file."""

    def __init__(self, name: str, found: list[Member], most: int | None, span: Span | None) -> None:
        labels = found[0].label is not None
        super().__init__(
            name, ("text", "label") if labels else ("text",), fingerprint_of_members(found), span
        )
        self._members = found
        self._most = most
        self._size = sum(one.path.stat().st_size for one in found)

    @property
    def file_names(self) -> list[str]:
        return [one.shown for one in self._members]

    @property
    def count(self) -> int:
        return len(self._members)

    @property
    def size_hint(self) -> int:
        return self._size

    @property
    def default_features(self) -> tuple[str, ...]:
        return ("text",)

    @property
    def default_target(self) -> str | None:
        return "label" if "label" in self else None

    def read(self, name: str) -> Array:
        return self._part(name, self._members)

    def _part(self, name: str, found: list[Member]) -> Array:
        if name == "label":
            return np.array([one.label for one in found], dtype=object)
        return np.array([self._text(one) for one in found], dtype=object)

    def _text(self, one: Member) -> str:
        raw = files.read_bytes(one.path, one.shown)
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise not_utf8(f"{one.shown}:{raw.count(10, 0, error.start) + 1}", raw, error) from None
        return text.strip()[: self._most]

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        for start in range(0, self.count, rows):
            some = self._members[start : start + rows]
            yield {name: self._part(name, some) for name in names}

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return self._members[index[0]].shown


class LineTable(Table):
    """One text per nonempty line."""

    def __init__(self, found: files.Found, most: int | None, span: Span | None) -> None:
        super().__init__(
            found.shown, ("text",), files.fingerprint_of(found.path, found.shown), span
        )
        self._found = found
        self._most = most
        self._size = self._count = 0
        for _, text in lines(found):
            self._count += 1
            self._size += len(text)
        if not self._count:
            raise Fault("MS604", f"`{found.shown}` is empty")

    @property
    def count(self) -> int:
        return self._count

    @property
    def size_hint(self) -> int:
        return self._size

    def read(self, name: str) -> Array:
        return np.array([text[: self._most] for _, text in lines(self._found)], dtype=object)

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if self._size <= files.IN_MEMORY:
            yield from super().read_blocks(names, rows)
            return
        block: list[str] = []
        for _, text in lines(self._found):
            block.append(text[: self._most])
            if len(block) == rows:
                yield dict.fromkeys(names, np.array(block, dtype=object))
                block = []
        if block:
            yield dict.fromkeys(names, np.array(block, dtype=object))

    def place(self, name: str, index: tuple[int, ...]) -> str:
        line = next(line for row, (line, _) in enumerate(lines(self._found)) if row == index[0])
        return f"{self.name}:{line}"


def open_table(source: Any, context: Context, span: Span | None) -> Table:
    """The table of a `text` source. Raises `Fault`."""
    if isinstance(source.path, str) and (root := _folder(source.path, context)) is not None:
        found = members(source.path, root, _ENDINGS, context.places)
        other = next((one for one in found if one.path.suffix.lower() not in _ENDINGS), None)
        if other is not None:
            raise Fault(
                "MS647", f"`{other.shown}` is not a .txt file", help="remove it from the folder"
            )
        return FolderTable(source.path, found, source.max_length, span)
    tables = [
        LineTable(one, source.max_length, span) for one in files.locate_all(source.path, context)
    ]
    return tables[0] if len(tables) == 1 else JoinedTable(files.name_of(source.path), tables, span)


def _folder(path: str, context: Context) -> Path | None:
    if any(mark in path for mark in "*?["):
        return None
    found = files.locate(path, context, folder=True)
    return found if found.is_dir() else None

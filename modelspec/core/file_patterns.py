"""Patterns of paths: `part-*.csv`, `2024/**/*.jsonl`.

Python's `glob` follows links to folders under `**`: with two links of a folder to itself, which an
archive of unknown origin may contain, it practically never ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_WILD = frozenset("*?[")
MAX_ENTRIES = 1_000_000
"""The most files and folders that a pattern visits."""


class TooManyFiles(ValueError):
    """A pattern visits more files and folders than `MAX_ENTRIES`."""


def is_pattern(text: str) -> bool:
    """Whether a path contains wildcards."""
    return bool(_WILD & set(text))


def matching(folder: Path, pattern: str, skipped: list[str] | None = None) -> list[str]:
    """The paths in a folder that a pattern matches, sorted.

    Names that begin with a point match no wildcard, and `**` (any number of folders) follows no
    links to folders. Folders that cannot be read are added to `skipped`. Raises `TooManyFiles`.
    """
    return sorted(set(_Search(skipped).matching(folder, "", Path(pattern).parts)))


class _Search:
    """A search for files, which counts what it visits."""

    def __init__(self, skipped: list[str] | None) -> None:
        self._skipped: list[str] = [] if skipped is None else skipped
        self._seen = 0

    def matching(self, folder: Path, before: str, steps: tuple[str, ...]) -> Iterator[str]:
        """The paths in a folder that a pattern matches, each with what precedes it."""
        if not steps:
            yield before.removesuffix("/")
            return
        step, rest = steps[0], steps[1:]
        if step == "**":
            yield from self._below(folder, before, rest)
        elif not is_pattern(step):
            shown = step if step == "/" else f"{before}{step}"
            if self._exists(folder / step, before, is_folder=bool(rest)):
                after = shown if not rest or step == "/" else f"{shown}/"
                yield from self.matching(folder / step, after, rest)
        else:
            for one in self._entries(folder, before):
                if fnmatchcase(one.name, step) and (
                    not rest or self._exists(folder / one.name, before, is_folder=True)
                ):
                    yield from self.matching(folder / one.name, f"{before}{one.name}/", rest)

    def _below(self, folder: Path, before: str, rest: tuple[str, ...]) -> Iterator[str]:
        """The matches of the rest of a pattern in a folder and all folders below it."""
        if rest:
            yield from self.matching(folder, before, rest)
        for one in self._entries(folder, before):
            if not rest:
                yield f"{before}{one.name}"
            if one.is_dir(follow_symlinks=False):
                yield from self._below(folder / one.name, f"{before}{one.name}/", rest)

    def _exists(self, path: Path, before: str, *, is_folder: bool) -> bool:
        try:
            return path.is_dir() if is_folder else path.exists()
        except PermissionError:
            self._skip(before)
        except OSError:  # a name that is too long
            pass
        return False

    def _entries(self, folder: Path, before: str) -> list[os.DirEntry[str]]:
        """The entries of a folder without hidden ones; empty where it cannot be read."""
        found: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as entries:
                for one in entries:
                    self._seen += 1
                    if self._seen > MAX_ENTRIES:
                        raise TooManyFiles(before or ".")
                    if not one.name.startswith("."):
                        found.append(one)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self._skip(before)
            return []
        return found

    def _skip(self, before: str) -> None:
        name = before.removesuffix("/") or "."
        if name not in self._skipped:
            self._skipped.append(name)

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


def is_pattern(text: str) -> bool:
    """Whether a path contains wildcards."""
    return bool(_WILD & set(text))


def matching(folder: Path, pattern: str) -> list[str]:
    """The paths in a folder that a pattern matches, sorted.

    Names that begin with a point match no wildcard, and `**` (any number of folders) follows no
    links to folders.
    """
    return sorted(set(_matching(folder, "", Path(pattern).parts)))


def _matching(folder: Path, before: str, steps: tuple[str, ...]) -> Iterator[str]:
    """The paths in a folder that a pattern matches, each with what precedes it."""
    if not steps:
        yield before.removesuffix("/")
        return
    step, rest = steps[0], steps[1:]
    if step == "**":
        yield from _below(folder, before, rest)
    elif not is_pattern(step):
        shown = step if step == "/" else f"{before}{step}"
        below = folder / step
        if below.is_dir() or (not rest and below.exists()):
            yield from _matching(below, shown if not rest or step == "/" else f"{shown}/", rest)
    else:
        for one in _entries(folder):
            if fnmatchcase(one.name, step) and (not rest or (folder / one.name).is_dir()):
                yield from _matching(folder / one.name, f"{before}{one.name}/", rest)


def _below(folder: Path, before: str, rest: tuple[str, ...]) -> Iterator[str]:
    """The matches of the rest of a pattern in a folder and all folders below it."""
    if rest:
        yield from _matching(folder, before, rest)
    for one in _entries(folder):
        if not rest:
            yield f"{before}{one.name}"
        if one.is_dir(follow_symlinks=False):
            yield from _below(folder / one.name, f"{before}{one.name}/", rest)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder without hidden ones; empty where it cannot be read."""
    try:
        with os.scandir(folder) as found:
            return [one for one in found if not one.name.startswith(".")]
    except OSError:
        return []

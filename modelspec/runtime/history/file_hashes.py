"""SHA-256 of the files and folders in a spec, without opening them as data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final

from modelspec.core.paths import matches, reached
from modelspec.core.settings import Context
from modelspec.core.source.regular_files import require_regular

from .run_files import MANIFEST, RESOLVED

_NEVER: Final = ("node_modules", "__pycache__", "baselines")
_TEXTS: Final = (".yaml", ".yml")
"""Files of a data folder that no source reads: specs may be beside the data."""
_DEEPEST: Final = 20


def hash_of(written: str, context: Context) -> str | None:
    """Hash of a file, a folder, or all matches of a pattern: names below it and contents, in sorted
    order. None if it does not exist, is outside the project, or cannot be read.
    """
    try:
        names = [name for _, found in matches(written, context) for name in found]
        places = [(name, reached(name, context)) for name in names]
        if not places or any(place is None for _, place in places):
            return None
        found = [(name, place) for name, place in places if place is not None]
        if len(found) == 1 and found[0][0] == written and not found[0][1].is_dir():
            return _hash_of_file(found[0][1])
        return _together(name_and_hash for one in found for name_and_hash in _members(*one))
    except (OSError, RuntimeError, ValueError):
        return None


def files_of(written: str, context: Context) -> Iterator[Path]:
    """The files at a path, in a folder or for a pattern, including missing ones; empty if it cannot
    be resolved.
    """
    try:
        for _, names in matches(written, context):
            for name in names:
                place = (context.folder or Path.cwd()) / name
                yield from _below(place, 0) if place.is_dir() else (place,)
    except (OSError, RuntimeError, ValueError):
        return


def _members(name: str, place: Path) -> Iterator[tuple[str, str]]:
    if not place.is_dir():
        yield name, _hash_of_file(place)
        return
    for file in _below(place, 0):
        yield f"{name}/{file.relative_to(place).as_posix()}", _hash_of_file(file)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """The files of a folder and its subfolders, sorted; without hidden ones, specs and runs."""
    names = sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths
    if depth > _DEEPEST or (MANIFEST in names and RESOLVED in names):
        return
    for name in names:
        path = folder / name
        if name.startswith(".") or name in _NEVER:
            continue
        if path.is_dir():
            yield from _below(path, depth + 1)
        elif path.suffix.lower() not in _TEXTS:
            yield path


def _together(found: Iterator[tuple[str, str]]) -> str:
    digest = sha256()
    for name, content in found:
        digest.update(f"{name}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _hash_of_file(path: Path) -> str:
    require_regular(path)
    found = path.stat()
    return _hash_of(path, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=100_000)
def _hash_of(path: Path, size: int, changed: int, node: int) -> str:
    """Read once per process: many specs are trained on the same file. A file that changes in the
    meantime has another modification time.
    """
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()

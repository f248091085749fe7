"""The model files below a folder. No link is followed, and the numbers of files and folders are
bounded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .json_text import LARGEST
from .saved_model import METADATA, PROGRAM, is_saved_model

_BINARY = (".keras", ".h5", ".hdf5")
_TEXT = (".json", ".yaml", ".yml")
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_WORDS = (b"class_name", b"modelTopology")
"""A text that contains none of them cannot be an architecture."""
_MOST_FILES = 1_000
_MOST_ENTRIES = 200_000
_DEEPEST = 40


@dataclass
class ModelFiles:
    """The model files below a folder."""

    paths: list[Path] = field(default_factory=list)
    is_complete: bool = True
    """Whether the whole folder was searched."""


def model_files(folder: Path, most: int = _MOST_FILES) -> ModelFiles:
    """The files below a folder that may be models, sorted by path: by their extensions, texts only
    if they name the class of a layer. A SavedModel is one model. Hidden folders are passed over.
    """
    found = ModelFiles()
    left = _MOST_ENTRIES
    queue = [(folder, 0)]
    while queue:
        place, depth = queue.pop()
        entries = _entries(place)
        left -= len(entries)
        if left < 0 or depth > _DEEPEST:
            found.is_complete = False
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name.startswith(".") or entry.name in _SKIPPED:
                    continue
                if _is_saved_model(entry):
                    found.paths.append(Path(entry.path))
                else:
                    queue.append((Path(entry.path), depth + 1))
            elif _may_be_model(entry):
                found.paths.append(Path(entry.path))
    found.paths.sort()
    if len(found.paths) > most:
        found.paths, found.is_complete = found.paths[:most], False
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder, of which those that cannot be read are left out."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_saved_model(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a SavedModel without links."""
    folder = Path(entry.path)
    files = (folder / METADATA, folder / PROGRAM, folder / "variables")
    return is_saved_model(folder) and not any(one.is_symlink() for one in files)


def _may_be_model(entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    if not entry.is_file(follow_symlinks=False) or not name.endswith((*_BINARY, *_TEXT)):
        return False
    return name.endswith(_BINARY) or any(word in _text(entry.path) for word in _WORDS)


def _text(path: str) -> bytes:
    """The content of a text of at most `LARGEST` bytes; empty for any other file."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return b""
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            return b""
        return file.read(LARGEST)


def names_below(folder: Path, paths: list[Path]) -> Iterator[str]:
    """Each path as it is shown: below the folder."""
    return (path.relative_to(folder).as_posix() for path in paths)

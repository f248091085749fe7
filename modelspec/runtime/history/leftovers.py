"""What killed processes left: files and folders that were being written beside their place, under
the number of their process.

    .PID-NAME         beside what it was to become: in run folders, beside predictions and exports
    .DIGEST.PID       an entry of the cache of prepared data
    .000007-step-96   a checkpoint, in the `checkpoints` of a run

Outside of run folders and caches only names with an extension that modelspec writes count, since
others may write such names too.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelspec.core.processes import is_running
from modelspec.core.run_names import CHECKPOINTS, MANIFEST, PREPROCESSING, PRESETS

from .run_files import is_written

QUIET: Final = 600
"""Seconds since the last change of an incomplete file before it counts as left."""
_QUIET_TEMPORARY: Final = 7 * 86_400
"""The same for temporary folders, whose names have no number of a process."""
_BESIDE: Final = re.compile(r"\.(\d{1,10})-.+", re.DOTALL)
_OF_CACHE: Final = re.compile(r"\.[0-9a-f]{16,64}\.(\d{1,10})")
_CHECKPOINT: Final = re.compile(r"\.\d{6,}-step-\d+")
_WRITTEN: Final = (
    *(".csv", ".jsonl", ".parquet", ".npz", ".html", ".json", ".keras", ".h5"),
    *(".safetensors", ".onnx", ".tflite", ".py", ".yaml", ".png", ".svg"),
)
"""The extensions of what modelspec writes, except for folders."""
_DEEPEST: Final = 8
_MOST: Final = 100_000
"""The most folders that are searched."""


def left_below(folder: Path) -> Iterator[Path]:
    """What killed processes left in a folder and below it. Hidden folders and links are not
    followed, and a run that is being written is not searched.
    """
    level, seen = [folder], 0
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for path in level:
            seen += 1
            if seen > _MOST:
                return
            if _is_run(path):
                yield from _left_in_run(path)
            else:
                yield from _left_beside(path)
                below += _folders(path)
        level = below


def left_in_cache(folder: Path) -> Iterator[Path]:
    """What killed processes left in a folder of a cache, and in its direct subfolders."""
    for place in (folder, *_folders(folder)):
        for path in _members(place):
            match = _OF_CACHE.fullmatch(path.name) or _BESIDE.fullmatch(path.name)
            is_part = path.name.startswith(".") and path.name.endswith(".part")
            is_left = (match and not is_running(int(match[1]))) or is_part
            if is_left and _is_quiet(path, QUIET):
                yield path


def left_temporary() -> Iterator[Path]:
    """Temporary folders of this user that have not changed for a week."""
    for path in _members(Path(tempfile.gettempdir())):
        if not path.name.startswith("modelspec-") or path.is_symlink() or not path.is_dir():
            continue
        if path.lstat().st_uid == os.getuid() and _is_quiet(path, _QUIET_TEMPORARY):
            yield path


def _left_in_run(run: Path) -> Iterator[Path]:
    """The process that writes a run would still use them."""
    if is_written(run):
        return
    folders = [run / name for name in (PREPROCESSING, PRESETS, CHECKPOINTS)]
    for folder in (run, *(one for one in folders if not one.is_symlink())):
        for path in _members(folder):
            is_checkpoint = folder.name == CHECKPOINTS and _CHECKPOINT.fullmatch(path.name)
            if is_checkpoint or _is_left(path):
                yield path


def _left_beside(folder: Path) -> Iterator[Path]:
    for path in _members(folder):
        is_folder = path.is_dir() and not path.is_symlink()
        known = is_folder or path.suffix.lower() in _WRITTEN
        if known and _is_left(path) and _is_quiet(path, QUIET):
            yield path


def _is_left(path: Path) -> bool:
    match = _BESIDE.fullmatch(path.name)
    return match is not None and not is_running(int(match[1]))


def _is_quiet(path: Path, seconds: float) -> bool:
    """Whether a file, or a folder and everything directly in it, has not changed for a while."""
    try:
        inner = _members(path) if path.is_dir() and not path.is_symlink() else []
        return time.time() - max(one.lstat().st_mtime for one in (path, *inner)) >= seconds
    except OSError:
        return False


def _is_run(path: Path) -> bool:
    try:
        return (path / MANIFEST).is_file()
    except OSError:  # the folder cannot be read: nothing in it is removed
        return False


def _members(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _folders(path: Path) -> list[Path]:
    return [
        one
        for one in _members(path)
        if not one.name.startswith(".") and not one.is_symlink() and one.is_dir()
    ]

"""The disk operations of a commit; each of them may fail, or be the last before a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Bytes: TypeAlias = "bytes | memoryview"


def write_new(path: Path, pieces: Iterable[Bytes]) -> None:
    """Writes a new file and syncs it to disk. Raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Syncs a folder to disk: without this, a rename may be lost. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Removes a folder; files that cannot be removed stay, and are tried again at the
    next write.
    """
    shutil.rmtree(folder, ignore_errors=True)

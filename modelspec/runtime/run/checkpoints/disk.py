"""The few operations on a disk that a commit consists of, each of which may fail or be the last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Bytes: TypeAlias = "bytes | memoryview"


def write_new(path: Path, pieces: Iterable[Bytes]) -> None:
    """Writes a file that was not there, and forces it to disk. Raises `OSError`."""
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
    """Forces the names in a folder to disk: without it a rename may be forgotten. Raises
    `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Removes a folder; what cannot be removed stays, and is tried again when something is written
    next.
    """
    shutil.rmtree(folder, ignore_errors=True)

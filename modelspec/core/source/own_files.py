"""Reads and writes the files of a folder of unknown origin, such as a run folder, without following
a link in it: a link could lead to any file of the user, and to a pipe that never ends.

The folder itself is named by the user and may be a link. Names below it are opened relative to its
descriptor, one after the other, so that no part of them can be exchanged for a link meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .regular_files import is_link

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def descriptor_of(folder: Path, *inner: str) -> Iterator[int]:
    """A descriptor of the folder `inner` below a folder. Raises `OSError`, for links too."""
    found = os.open(folder, _FOLDER)
    try:
        for name in inner:
            below = os.open(name, _FOLDER | getattr(os, "O_NOFOLLOW", 0), dir_fd=found)
            os.close(found)
            found = below
        yield found
    finally:
        os.close(found)


def open_own(folder: Path, name: str) -> IO[bytes]:
    """The file `name` (`metrics.json`, `checkpoints/1/index.json`) of a folder, for reading.

    Raises `OSError` if a part of the name is a link, or unless it is a regular file.
    """
    *inner, last = name.split("/")
    with descriptor_of(folder, *inner) as parent:
        found = os.open(last, os.O_RDONLY | _FILE, dir_fd=parent)
    return os.fdopen(_regular(found, folder / name), "rb")


def read_own(folder: Path, name: str, most: int) -> bytes:
    """The contents of a file of a folder, at most `most` bytes. Raises `OSError` as `open_own`."""
    with open_own(folder, name) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"more than {most:,} bytes", str(folder / name))
    return found


def append_own(folder: Path, name: str) -> IO[bytes]:
    """The file `name` of a folder, open for appending; created if it does not exist.

    Raises `OSError` if it is a link, or unless it is a regular file.
    """
    with descriptor_of(folder) as parent:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _FILE
        found = os.open(name, flags, 0o666, dir_fd=parent)
    return os.fdopen(_regular(found, folder / name), "ab")


def reserve(path: Path) -> None:
    """Creates an empty file that did not exist; a link or file of this name is removed. Whatever
    writes to the path then writes this file. Raises `OSError`.
    """
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o666))


def first_link(folder: Path, *names: str) -> Path | None:
    """The first link among the files and folders `names` of a folder, or below them; everything in
    the folder without names. None if there is none, or if the folder cannot be read.
    """
    pending = [folder / name for name in names] or _members(folder)
    while pending:
        path = pending.pop()
        if is_link(path):
            return path
        if path.is_dir():
            pending += _members(path)
    return None


def _members(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), reverse=True)
    except OSError:
        return []


def _regular(descriptor: int, path: Path) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor

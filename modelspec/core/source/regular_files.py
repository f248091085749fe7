"""Reads files of unknown origin, such as those of a run folder: a link among them may lead to a
device or a pipe, which never ends.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def require_regular(path: Path) -> None:
    """Raises `OSError` unless it is a regular file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def is_link(path: Path) -> bool:
    """Whether a path is a symbolic link, of whatever target."""
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def read_regular(path: Path, most: int) -> bytes:
    """The whole file. Raises `OSError` unless it is a regular file of at most `most` bytes."""
    require_regular(path)
    with path.open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"more than {most:,} bytes", str(path))
    return found

"""Files that are either complete or absent: written under another name, synced to disk, and
renamed.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from glob import escape
from hashlib import file_digest
from pathlib import Path

from modelspec.core.processes import is_running
from modelspec.core.source.own_files import reserve
from modelspec.core.source.regular_files import require_regular

from ..data.errors import RunError

_QUIET_SECONDS = 600
"""How long an incomplete file must not have changed before another process removes it."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` create the file under another name in the same folder, with the same extension.
    After a crash either the old or the new file exists.

    Raises `RunError` (MS703) if it cannot be written.
    """
    sweep(path.parent, path.name)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        reserve(beside)
        write(beside)
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # if nothing could be written, there is nothing to remove
            beside.unlink(missing_ok=True)


def sweep(folder: Path, name: str = "*", quiet: float = _QUIET_SECONDS) -> None:
    """Removes incomplete files that killed processes left in a folder: all, or those of one name.

    A process of another host may write there too, under a number that no process has here: a file
    that changed in the last `quiet` seconds stays.
    """
    for left in folder.glob(f".*-{escape(name) if name != '*' else name}"):
        number = left.name[1:].partition("-")[0]
        with suppress(OSError):
            is_left = number.isdecimal() and not is_running(int(number))
            if is_left and time.time() - left.lstat().st_mtime >= quiet:
                remove(left)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents; what a link leads to is not changed. Raises
    `OSError`.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file atomically. Raises `RunError` (MS703)."""
    write_whole(path, lambda beside: beside.write_bytes(content))


def digest(path: Path) -> str:
    """SHA-256 of a regular file. Raises `OSError`."""
    require_regular(path)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> RunError:
    """MS703, with the free space if the disk is full."""
    reason = error.strerror or str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and path.parent.exists()
    notes = [f"{free(path.parent):,} bytes are free there"] if full else []
    return RunError.of(
        "MS703",
        f"`{path}` cannot be written: {reason.lower()}",
        notes=notes,
        help="free some disk space, or choose another location"
        if full
        else "choose another location",
    )


def free(folder: Path) -> int:
    """The free bytes on a folder's disk."""
    return shutil.disk_usage(folder).free


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

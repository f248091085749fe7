"""Files that are whole or absent: written beside, forced to disk, and renamed into place."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path

from modelspec.core.source.regular_files import require_regular

from ..data.errors import RunError


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """`write` makes the file under another name beside it, of the same ending; a crash leaves the
    old one or the new.

    Raises `RunError` (MS703) where it cannot be written.
    """
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(beside)
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # where nothing can be written, nothing is left
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file whole. Raises `RunError` (MS703)."""
    write_whole(path, lambda beside: beside.write_bytes(content))


def digest(path: Path) -> str:
    """SHA-256 of an ordinary file. Raises `OSError`."""
    require_regular(path)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> RunError:
    """MS703, with how much room there is where the disk is full."""
    reason = error.strerror or str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and path.parent.exists()
    notes = [f"{free(path.parent):,} bytes are free there"] if full else []
    return RunError.of(
        "MS703",
        f"`{path}` cannot be written: {reason.lower()}",
        notes=notes,
        help="free some room, or name another place" if full else "name another place",
    )


def free(folder: Path) -> int:
    """How many bytes a folder's disk has left."""
    return shutil.disk_usage(folder).free


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

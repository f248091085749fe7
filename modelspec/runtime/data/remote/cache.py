"""Copies of remote files, by the SHA-256 of their contents.

    files/<sha256>            the fetched contents, under their own hash
    names/<sha256>.json       for an address: version and hash of the copy; named by its hash

The folder is `remote` in `MODELSPEC_CACHE` or, by default, `modelspec/remote` in the user's cache
folder. Its contents may be removed at any time.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Any, NamedTuple

from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address

from .. import cache as prepared

SIZE = "MODELSPEC_REMOTE_CACHE"
"""The most gigabytes of all copies together."""
_SIZE = 50.0
_KEPT = 24 * 3600
"""Seconds for which a used copy is not removed: a run may read it again."""
_checked: set[tuple[str, int, int]] = set()
"""Copies whose hash this process has verified, with size and time of their last change."""


class There(NamedTuple):
    """The server's facts about a file."""

    size: int | None
    version: str
    """A value that changes with the content; empty if the server reports none."""


def folder() -> Path:
    """Where copies are stored."""
    base = prepared.folder()
    return (base if os.environ.get("MODELSPEC_CACHE") else base.parent) / "remote"


def find(address: Address, version: str | None = None) -> Path | None:
    """The complete copy of a version of an address, or (None) of the last one that was fetched. An
    unknown version is never found.
    """
    try:
        known = json.loads(_name(address).read_text(encoding="utf-8"))
        path = folder() / "files" / str(known["sha256"])
        if known["address"] != address.text or version == "" or not _is_whole(path):
            return None
        if version is not None and known["version"] != version:
            return None
        _used(path)
        return path
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(address: Address, there: There, fetch: Callable[[Path, int], None]) -> Path:
    """The copy that `fetch` writes to a path, of at most so many bytes. Raises `Fault` (MS684), and
    the faults of `fetch`.
    """
    files = folder() / "files"
    try:
        files.mkdir(mode=0o700, parents=True, exist_ok=True)
        most = _require_room(address, there, files)
        handle, beside_name = mkstemp(prefix=".", suffix=".part", dir=files)
        os.close(handle)
    except OSError as error:
        raise _not_written(address, error) from None
    beside = Path(beside_name)
    try:
        fetch(beside, most)
        return _committed(address, there, beside)
    except OSError as error:
        raise _not_written(address, error) from None
    finally:
        beside.unlink(missing_ok=True)


def _committed(address: Address, there: There, beside: Path) -> Path:
    size = beside.stat().st_size
    if there.size is not None and size != there.size:
        raise Fault(
            "MS684",
            f"the download of `{address}` is incomplete: {size:,} of {there.size:,} bytes",
            help="try again",
        )
    digest = _digest(beside)
    path = beside.with_name(digest)
    _sync(beside)
    beside.replace(path)
    _remember(address, {"version": there.version, "sha256": digest, "size": size})
    _used(path)
    _tidy(path)
    return path


def _remember(address: Address, known: dict[str, Any]) -> None:
    path = _name(address)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, beside_name = mkstemp(prefix=".", suffix=".part", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"address": address.text, **known}, file)
    Path(beside_name).replace(path)


def _name(address: Address) -> Path:
    return folder() / "names" / f"{sha256(address.text.encode()).hexdigest()}.json"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _is_whole(path: Path) -> bool:
    """Whether the contents of a copy match its name; verified once per process."""
    found = path.lstat()
    key = (str(path), found.st_size, found.st_mtime_ns)
    if path.is_symlink():
        return False
    if key not in _checked and _digest(path) != path.name:
        return False
    _checked.add(key)
    return True


def _used(path: Path) -> None:
    """Records the use in the access time: a run compares the modification time."""
    with suppress(OSError):
        changed = path.stat().st_mtime_ns
        os.utime(path, ns=(time.time_ns(), changed))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _require_room(address: Address, there: There, files: Path) -> int:
    """The most bytes to accept: the size that the server reports, otherwise the space that is left.
    Raises `Fault` (MS684) if there is not enough space.
    """
    free, most = shutil.disk_usage(files).free, int(_budget())
    if there.size is not None and there.size > most:
        raise Fault(
            "MS684",
            f"`{address}` has {there.size:,} bytes, more than the limit of the cache ({most:,})",
            help=f"set {SIZE} to a larger number of GB",
        )
    if there.size is not None and there.size > free:
        raise Fault(
            "MS684",
            f"`{address}` has {there.size:,} bytes, but only {free:,} are free in `{files}`",
            help="free some disk space, or set MODELSPEC_CACHE to a folder on another disk",
        )
    return min(free, most) if there.size is None else there.size


def _not_written(address: Address, error: OSError) -> Fault:
    return Fault(
        "MS684",
        f"the copy of `{address}` cannot be written to `{folder()}`: {error.strerror or error}",
        help="set MODELSPEC_CACHE to another folder",
    )


def _tidy(kept: Path) -> None:
    """Removes the least recently used copies while all of them exceed the limit."""
    found: list[tuple[float, int, Path]] = []
    with suppress(OSError):
        for path in kept.parent.iterdir():
            stat = path.stat()
            found.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    left = sum(size for _, size, _ in found) - _budget()
    for used, size, path in sorted(found):
        if left <= 0 or used > time.time() - _KEPT:
            return
        if path != kept:
            with suppress(OSError):
                path.unlink()
                left -= size


def _budget() -> float:
    try:
        size = float(os.environ.get(SIZE, _SIZE))
    except ValueError:
        size = _SIZE
    return size * 1e9

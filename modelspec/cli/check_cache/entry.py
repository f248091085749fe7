"""Entries of the cache: one file for each checked file and its options.

An entry is compressed text behind the hash of it: pairs of a dependency and its state, and the
result. It is written beside its place and renamed, so that a reader sees a whole entry or none,
whoever else writes it. An entry that is damaged, or that another user owns, is not used; where the
folder cannot be written, there is no cache.
"""

from __future__ import annotations

import os
import sys
import zlib

from modelspec import __version__
from modelspec.core.cache_place import cache_place

from .state import digest, state

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMAT = 1
MOST_BYTES = 1 << 20
"""Of an entry; larger ones are not kept."""
ENTRIES, BYTES = 2_000, 20_000_000
"""The bounds of the cache."""
_SLACK = 32
"""The bounds are checked at one write of so many, on average."""
_MARK = "result"
_DIGEST = 40


class Result:
    """The result of one check: its diagnostics and what else programs are told, as JSON ("" for
    nothing), and the remark about the size of the model.
    """

    def __init__(self, details: str, size: str) -> None:
        self.details = details
        self.size = size


def folder() -> str:
    """The folder of the entries."""
    return cache_place("check")


def path_of(file: str, options: Sequence[str]) -> str:
    """The path of the entry of a file with the options of the check as written. The program, its
    import path, the user and the working directory are part of its name.
    """
    parts = (
        f"{FORMAT} {__version__} {sys.version} {sys.prefix} {os.geteuid()}",
        os.getcwd(),  # noqa: PTH109
        *sys.path[1:],
        "",
        file,
        *options,
    )
    name = digest("\0".join(parts).encode("utf-8", "surrogateescape"))
    return os.path.join(folder(), name)  # noqa: PTH118


def find(path: str) -> Result | None:
    """The result of an entry; None if there is none, it is damaged, or something that the check
    depended on has changed.
    """
    parts = _read(path)
    if parts is None or len(parts) < 3 or parts[-3] != _MARK:
        return None
    try:
        pairs = zip(parts[0:-3:2], parts[1:-3:2], strict=True)
        if any(state(dependency) != known for dependency, known in pairs):
            return None
    except (KeyError, IndexError, ValueError):
        return None
    return Result(parts[-2], parts[-1])


def _read(path: str) -> list[str] | None:
    """The parts of an entry, if it is whole and of this user."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                return None
            data = os.read(handle, MOST_BYTES + _DIGEST)
        finally:
            os.close(handle)
        packed = data[_DIGEST:]
        if data[:_DIGEST] != digest(packed).encode():
            return None
        return zlib.decompress(packed).decode("utf-8", "surrogateescape").split("\0")
    except (OSError, ValueError, zlib.error):
        return None


def write(path: str, states: Mapping[str, str], result: Result) -> None:
    """Keep a result. Nothing is raised: without a cache the result is computed again."""
    parts = [part for pair in states.items() for part in pair]
    text = "\0".join([*parts, _MARK, result.details, result.size])
    packed = zlib.compress(text.encode("utf-8", "surrogateescape"), 1)
    if len(packed) > MOST_BYTES or "\0" in result.details + result.size:
        return
    part = f"{path}.{os.getpid()}"
    try:
        os.makedirs(folder(), mode=0o700, exist_ok=True)  # noqa: PTH103
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            whole = os.write(handle, digest(packed).encode() + packed) == _DIGEST + len(packed)
        finally:
            os.close(handle)
        if whole:
            os.replace(part, path)  # noqa: PTH105
            if os.getpid() % _SLACK == 0:
                prune()
            return
    except OSError:
        pass
    _remove([part])


def prune() -> None:
    """Remove the oldest entries until the rest is within the bounds."""
    entries = []
    try:
        with os.scandir(folder()) as found:
            for entry in found:
                status = entry.stat(follow_symlinks=False)
                entries.append((status.st_mtime_ns, status.st_size, entry.path))
    except OSError:
        return
    entries.sort(reverse=True)
    kept, size = 0, 0
    for _, bytes_, _path in entries:
        if kept == ENTRIES or size + bytes_ > BYTES:
            break
        kept, size = kept + 1, size + bytes_
    _remove(path for _, _, path in entries[kept:])


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            os.unlink(path)  # noqa: PTH108
        except OSError:  # another process removed it
            continue

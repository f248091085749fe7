"""Prepared data on disk: entries under a key of exactly what determines them, read as memory maps.

An entry is a folder of `.npy` files with an `entry.json`. It is written beside its final place and
renamed when all of it is on disk, so that a reader sees a complete entry or none, even if the
writer is killed; a lock, which the kernel frees with the process, lets only one process write an
entry. `entry.json` has the SHA-256 of every file, and of itself: an entry that has changed is not
used.
`MODELSPEC_CACHE` names the folder; by default it is `modelspec` in the user's cache folder
(`XDG_CACHE_HOME`, `~/.cache`). Entries may be removed at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from modelspec import __version__
from modelspec.core.project import cache_folder

from .table import Array

FORMAT = 2
_ENTRY = "entry.json"
_PACKAGES = ("keras", "tensorflow", "numpy")


def folder() -> Path:
    """The folder of the entries."""
    return cache_folder("data", within="")


class Key(NamedTuple):
    """Everything that determines an entry, by part."""

    source: str
    """The name of the source, for people; not part of the key."""
    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return sha256(_text(self.parts).encode()).hexdigest()[:40]


def versions() -> dict[str, str]:
    """The versions of the packages that compute the entries."""
    found = {"format": str(FORMAT), "modelspec": __version__}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Entry:
    """Prepared data as stored."""

    arrays: Mapping[str, Array]
    facts: Mapping[str, Any]
    """What is stored with the arrays."""


def find(key: Key, *, written_here: bool = False) -> Entry | None:
    """The entry of a key; None where it does not exist or is damaged. If this process has just
    written it, its checksums are not compared.
    """
    path = folder() / key.digest
    try:
        read = json.loads((path / _ENTRY).read_text(encoding="utf-8"))
        if not written_here and not _unchanged(path, read):
            return None
        arrays: dict[str, Array] = {}
        for name, (file, shape, dtype, *_) in read["arrays"].items():
            array = np.load(path / file, mmap_mode="r", allow_pickle=False)
            if list(array.shape) != shape or str(array.dtype) != dtype:
                return None
            arrays[name] = array
        os.utime(path)  # so that the last used entries can be found
        return Entry(arrays, read["facts"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def is_damaged(key: Key) -> bool:
    """Whether the entry of a key exists but is damaged, so that it is created again."""
    return (folder() / key.digest).exists() and find(key) is None


def _unchanged(path: Path, read: dict[str, Any]) -> bool:
    """Whether an entry is as it was written; entries of format 1 have no checksum."""
    stated = read.pop("sha256", None)
    if stated is None:
        return str(read["parts"].get("versions", {}).get("format", 1)) == "1"
    sums = {file: known for file, _, _, known in read["arrays"].values()}
    return bool(stated == _sum(read)) and all(
        _sum_of(path / file) == known for file, known in sums.items()
    )


def _sum(content: Any) -> str:
    return sha256(_text(content).encode()).hexdigest()


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class Writer:
    """The folder of a new entry: arrays are memory maps until `commit` completes it."""

    def __init__(self, path: Path, target: Path | None) -> None:
        self.path = path
        self._target = target
        self._arrays: dict[str, np.memmap[Any, Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A new array on disk."""
        file = self.path / f"{len(self._arrays)}.npy"
        array = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
        vars(array)["held"] = file.open("rb")  # keeps the file open after its name is removed
        self._arrays[name] = array
        return array

    def commit(self, key: Key, facts: Mapping[str, Any]) -> None:
        """Moves the complete entry to its place. Raises `OSError`."""
        listed: dict[str, Any] = {}
        for index, (name, array) in enumerate(self._arrays.items()):
            array.flush()
            file = self.path / f"{index}.npy"
            _sync(file)
            listed[name] = (file.name, array.shape, str(array.dtype), _sum_of(file))
        content = {"source": key.source, "parts": key.parts, "arrays": listed, "facts": facts}
        content = json.loads(_text(content))  # as it will be read
        text = json.dumps({**content, "sha256": _sum(content)})
        with (self.path / _ENTRY).open("w", encoding="utf-8") as entry:
            entry.write(text)
            entry.flush()
            os.fsync(entry.fileno())
        _sync(self.path)
        assert self._target is not None
        if self._target.exists():  # damaged, otherwise it would have been used
            shutil.rmtree(self._target)
        self.path.rename(self._target)
        _sync(self._target.parent)


@contextmanager
def writing(key: Key) -> Iterator[Writer]:
    """A folder beside the place of the entry, for this process only; removed unless it was
    committed.

    Waits while another process writes the same entry: call `find` again inside. Raises `OSError`.
    """
    home = folder()
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{key.digest}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in home.glob(f".{key.digest}.*"):  # of a killed writer: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        path = home / f".{key.digest}.{os.getpid()}"
        path.mkdir()
        try:
            yield Writer(path, home / key.digest)
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def one_first(key: Key) -> Iterator[bool]:
    """One process at a time begins what several would prepare alike: inside, this one is the first,
    or the first has finished, and `find` knows what it has committed. If the first was killed or
    committed nothing, the others continue at once and together.

    False if the folder cannot be written: then nobody waits.
    """
    home, name = folder(), sha256(f"first of {key.digest}".encode()).hexdigest()[:40]
    with ExitStack() as stack:
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((home / f"{name}.lock").open("ab"))
        except OSError:
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield True


def has_room(size: float) -> bool:
    """Whether an entry of so many bytes fits on the disk of the cache, and leaves as much free."""
    try:
        return shutil.disk_usage(folder()).free > 2 * size
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Why an entry was, or was not, used ---------------------------------------------------------------


@dataclass(frozen=True)
class Explanation:
    """How the prepared data of one source was stored, and whether it was reused."""

    source: str
    where: str
    """`memory`, `disk`, or `temporary file`."""
    used: bool
    """Whether an entry was found and used."""
    key: str
    parts: Mapping[str, Any]
    """The parts of the key."""
    differs: tuple[str, ...] = ()
    """The parts in which the nearest entry of the same source differs; empty without such an
    entry.
    """
    damaged: bool = False
    """Whether an entry existed but was damaged."""


def nearest_difference(key: Key) -> tuple[str, ...]:
    """The parts in which the entry nearest to a key, of the same source, differs from it."""
    wanted = json.loads(_text(key.parts))
    found: list[tuple[str, ...]] = []
    for path in folder().glob(f"*/{_ENTRY}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            read = json.loads(path.read_text(encoding="utf-8"))
            if read["source"] == key.source and path.parent.name != key.digest:
                found.append(
                    tuple(
                        sorted(
                            name
                            for name in {*wanted, *read["parts"]}
                            if wanted.get(name) != read["parts"].get(name)
                        )
                    )
                )
    return min(found, key=len, default=())

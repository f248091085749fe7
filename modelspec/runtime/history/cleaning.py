"""What `modelspec clean` removes: what killed processes left, entries of the caches that have not
been used for a while, and old runs.

Nothing is removed that a process is writing, and no folder that is not a run.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelspec.core.project import cache_folder
from modelspec.core.run_names import LOCK
from modelspec.core.source.own_files import append_own, first_link

from .leftovers import left_below, left_in_cache, left_temporary
from .listing import find
from .record import Record

_ENTRY: Final = re.compile(r"[0-9a-f]{16,64}(\.json|\.lock)?")
"""The names of entries of the caches."""
_CACHES: Final = ("data", "remote")


@dataclass(frozen=True)
class Removal:
    """A file or folder to remove."""

    path: Path
    kind: str
    """`left by a killed process`, `cache`, or `run`."""
    bytes: int
    about: str
    """Why it is removed, for people."""
    folder: tuple[int, int] | None = None
    """Device and inode of a run folder: another one may get its name."""


def removals(
    folder: Path, *, keep: int | None, unused_days: float
) -> tuple[list[Removal], list[str]]:
    """What to remove for a folder of a project, and notes about runs that stay although they are
    old. `keep` is the number of runs that stay in each folder of runs; None: all.
    """
    runs, notes = _old_runs(folder, keep) if keep is not None else ([], [])
    gone = {one.path for one in runs}
    left = [
        Removal(path, "left by a killed process", _size(path), _age(path))
        for path in _left(folder)
        if gone.isdisjoint(path.parents)
    ]
    return [*left, *_unused(unused_days), *runs], notes


def _left(folder: Path) -> Iterator[Path]:
    yield from left_below(folder)
    for cache in _cache_folders():
        yield from left_in_cache(cache)
    yield from left_temporary()


def _cache_folders() -> list[Path]:
    """The folders of the caches: of prepared data, and of downloaded files."""
    if os.environ.get("MODELSPEC_CACHE"):
        return [cache_folder("data", within="")]
    return [cache_folder(part) for part in _CACHES]


# Entries of the caches ----------------------------------------------------------------------------


def _unused(days: float) -> Iterator[Removal]:
    """The entries that have not been used for so many days."""
    folders = _cache_folders()
    remote = [one / "remote" for one in folders] + [one for one in folders if one.name == "remote"]
    for folder in (*folders, *(one / part for one in remote for part in ("files", "names"))):
        with suppress(OSError):
            for path in sorted(folder.iterdir()):
                if _ENTRY.fullmatch(path.name) and not path.is_symlink():
                    used = path.lstat()
                    since = (time.time() - max(used.st_mtime, used.st_atime)) / 86_400
                    if path.is_dir():  # its time of use is set when it is used
                        since = (time.time() - used.st_mtime) / 86_400
                    if since >= days:
                        yield Removal(path, "cache", _size(path), f"unused for {since:.0f} days")


# Runs ---------------------------------------------------------------------------------------------


def _old_runs(folder: Path, keep: int) -> tuple[list[Removal], list[str]]:
    """All but the newest `keep` runs of each folder of numbered runs. A run whose folder has a name
    was named by the user, and stays.
    """
    by_parent: dict[Path, list[Record]] = {}
    for record in find(folder).value:
        if record.path.name.isdecimal():
            by_parent.setdefault(record.path.parent, []).append(record)
    found: list[Removal] = []
    notes: list[str] = []
    for records in by_parent.values():
        newest_first = sorted(records, key=lambda one: int(one.path.name), reverse=True)
        for record in newest_first[keep:]:
            why = _why_kept(record, folder)
            if why is not None:
                notes.append(f"`{record.path}` stays: {why}")
                continue
            place = record.path.stat()
            found.append(
                Removal(
                    record.path,
                    "run",
                    _size(record.path),
                    record.state + (f", {record.text('started')}" if record.started else ""),
                    (place.st_dev, place.st_ino),
                )
            )
    return found, notes


def _why_kept(record: Record, folder: Path) -> str | None:
    """The reason not to remove an old run."""
    if record.is_written:
        return "a process is writing it"
    place = record.path.resolve()
    if place == folder.resolve() or Path.cwd().is_relative_to(place):
        return "it is the folder that the command runs in"
    if not (record.path / LOCK).is_file() or not record.text("outcome"):
        return "it was not written by a training"
    if first_link(record.path) is not None:
        return "it contains a link"
    return None


# Removing -----------------------------------------------------------------------------------------


def remove(one: Removal) -> None:
    """Remove it. Raises `OSError`, for a run that a process is writing too."""
    if one.kind == "run":
        _remove_run(one)
    elif one.path.is_dir() and not one.path.is_symlink():
        shutil.rmtree(one.path)
    else:
        one.path.unlink(missing_ok=True)


def _remove_run(one: Removal) -> None:
    """Locks it first. It gets the name of an incomplete folder, so that it is not taken for a run
    if this process is killed, and the next `clean` removes the rest.
    """
    with append_own(one.path, LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        place = one.path.stat()
        if (place.st_dev, place.st_ino) != one.folder:
            raise FileNotFoundError(2, "it was replaced by another folder", str(one.path))
        beside = one.path.with_name(f".{os.getpid()}-{one.path.name}")
        one.path.rename(beside)
        shutil.rmtree(beside)


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder; links are not followed."""
    with suppress(OSError):
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        return sum(
            (Path(place) / name).lstat().st_size
            for place, _, names in os.walk(path)
            for name in names
        )
    return 0


def _age(path: Path) -> str:
    with suppress(OSError):
        hours = (time.time() - path.lstat().st_mtime) / 3600
        return f"{hours / 24:.0f} days old" if hours >= 48 else f"{hours:.0f} hours old"
    return ""

"""The run folder: created, numbered, and locked, so that only one process writes it."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from modelspec.core.source.regular_files import read_regular

from ..data.errors import RunError
from ..history.run_files import (
    CHECKPOINTS,
    HISTORY,
    LOCK,
    MANIFEST,
    METRICS,
    MODEL,
    RESOLVED,
    SPEC,
    file_name,
    is_written,
    numbered_folder,
)
from .atomic_files import cannot_write, free, sweep

__all__ = [
    "CHECKPOINTS",
    "HISTORY",
    "LOCK",
    "MANIFEST",
    "METRICS",
    "MODEL",
    "RESOLVED",
    "SPEC",
    "RunFolder",
    "is_unbegun",
    "is_written",
]

_OF_UNBEGUN = (MANIFEST, SPEC)
"""The files that a run writes before it prepares its data."""
_MOST = 2**20
"""Maximum size of the manifest of such a run, in bytes."""
_MARGIN = 2**20
"""Space for all files in a run folder except the model."""


class RunFolder:
    """A folder that only this process writes to, until it is closed or the process ends."""

    def __init__(self, path: Path, made: list[Path], lock: IO[bytes]) -> None:
        self.path = path
        self._made = made
        self._lock = lock

    @classmethod
    def create(cls, name: str, given: Path | None) -> RunFolder:
        """The folder `given`, which must be empty, or the next free `runs/<name>/<n>`.

        Raises `RunError`: MS702 if another process writes it, MS703 if it cannot be written, MS704
        if it is not empty.
        """
        made: list[Path] = []
        try:
            path = (
                _claimed(given, made)
                if given is not None
                else _next(Path("runs") / file_name(name), made)
            )
            lock = _locked(path, empty=True)
        except OSError as error:
            _remove(made)
            where = Path(error.filename) if error.filename else given or Path("runs")
            raise cannot_write(where, error) from None
        # A `RunError` removes nothing, even if this process created the folder: another process may
        # have locked it first and be using it.
        return cls(path, made, lock)

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """The folder of an existing run.

        Raises `RunError`: MS702 if another process writes it, MS703 if it cannot be written.
        """
        try:
            return cls(path, [], _locked(path, empty=False))
        except OSError as error:
            raise cannot_write(path, error) from None

    def needs(self, each: int, files: int = 1) -> None:
        """Raises `RunError` (MS703) if there is not enough space for files of `each` bytes: on the
        disk, or within the file size limit of this process (`ulimit -f`).
        """
        size, left, most = (
            each * files,
            free(self.path),
            resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        )
        if resource.RLIM_INFINITY != most < each:
            raise RunError.of(
                "MS703",
                f"a run of this model writes files of about {each / 1e6:,.1f} MB, but the file"
                f" size limit of this process is {most / 1e6:,.1f} MB",
                help="raise the limit (`ulimit -f`)",
            )
        if left < size + _MARGIN:
            raise RunError.of(
                "MS703",
                f"a run of this model needs about {(size + _MARGIN) / 1e6:,.0f} MB, but "
                f"{left / 1e6:,.0f} MB are free in `{self.path}`",
                help="free some disk space, or choose another location",
            )

    def file(self, name: str) -> Path:
        return self.path / name

    def discard(self) -> None:
        """Remove a run that never began, with every folder that was created for it."""
        self.close()
        for item in list(self.path.iterdir()):
            if item.is_dir():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        _remove(self._made)

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _claimed(path: Path, made: list[Path]) -> Path:
    if path.exists() and not path.is_dir():
        raise RunError.of("MS704", f"`{path}` is a file, not a folder")
    _make(path, made)
    return path


def _next(parent: Path, made: list[Path]) -> Path:
    _make(parent, made)
    path = numbered_folder(parent)
    made.append(path)
    return path


def _make(path: Path, made: list[Path]) -> None:
    """Create a folder and its parents, and record the new ones."""
    for one in (*reversed(path.parents), path):
        if not one.exists():
            one.mkdir(exist_ok=True)
            made.append(one)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        try:
            (path / LOCK).unlink(missing_ok=True)
            path.rmdir()
        except OSError:  # it contains files of others
            return


def _locked(path: Path, *, empty: bool) -> IO[bytes]:
    """The kernel releases the lock whenever the process ends, so locks are never stale. What a
    killed process left incomplete is removed: files that it was writing, and a run that was killed
    before its training began.
    """
    lock = (path / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RunError.of(
            "MS702",
            f"another process{_holder(path)} is writing `{path}`",
            help="wait for it, or choose another folder with `--run-dir`"
            if empty
            else "wait for it",
        ) from None
    if (path / MANIFEST).exists():
        sweep(path, quiet=0)
    if empty and is_unbegun(path):
        for name in _OF_UNBEGUN:
            (path / name).unlink(missing_ok=True)
    others = [one.name for one in path.iterdir() if one.name != LOCK]
    if others and empty:
        lock.close()
        what = (
            "already contains a run"
            if MANIFEST in others
            else f"is not empty (`{sorted(others)[0]}`)"
        )
        raise RunError.of(
            "MS704", f"`{path}` {what}", help="choose another folder, or remove this one"
        )
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def is_unbegun(path: Path) -> bool:
    """Whether the folder contains a run that ended before its data were prepared and its training
    began, without being able to remove the folder: it was killed.
    """
    if {one.name for one in path.iterdir() if one.name != LOCK} != set(_OF_UNBEGUN):
        return False
    try:
        values = json.loads(read_regular(path / MANIFEST, _MOST))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.get("outcome") == "running"


def _holder(path: Path) -> str:
    try:
        text = (path / LOCK).read_text()
    except OSError:
        return ""
    return f" ({text})" if text.isdecimal() else ""

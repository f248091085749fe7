"""The run folder: made, counted up, and locked, so that no two processes write one."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO, Self

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
    is_written,
)
from .atomic_files import cannot_write, free

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
    "is_written",
]

_MARGIN = 2**20
"""Room for everything in a run folder but the model."""


class RunFolder:
    """A folder that this process alone writes to, until it is closed or the process ends in
    whatever way.
    """

    def __init__(self, path: Path, made: list[Path], lock: IO[bytes]) -> None:
        self.path = path
        self._made = made
        self._lock = lock

    @classmethod
    def create(cls, name: str, given: Path | None) -> RunFolder:
        """The folder `given`, which must be empty, or the next free `runs/<name>/<n>`.

        Raises `RunError`: MS702 where another process writes it, MS703 where it cannot be written,
        MS704 where it holds something already.
        """
        made: list[Path] = []
        try:
            path = (
                _claimed(given, made)
                if given is not None
                else _next(Path("runs") / _file_name(name), made)
            )
            lock = _locked(path, empty=True)
        except OSError as error:
            _remove(made)
            where = Path(error.filename) if error.filename else given or Path("runs")
            raise cannot_write(where, error) from None
        # A `RunError` removes nothing, also where this process made the folder: another one was
        # faster to lock it, and works in it.
        return cls(path, made, lock)

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """The folder of a run that is there already.

        Raises `RunError`: MS702 where another process writes it, MS703 where it cannot be written.
        """
        try:
            return cls(path, [], _locked(path, empty=False))
        except OSError as error:
            raise cannot_write(path, error) from None

    def needs(self, each: int, files: int = 1) -> None:
        """Raises `RunError` (MS703) where there is no room for so many files of `each` bytes: on
        the disk, or within the size that this process may give a file (`ulimit -f`).
        """
        size, left, most = (
            each * files,
            free(self.path),
            resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        )
        if resource.RLIM_INFINITY != most < each:
            raise RunError.of(
                "MS703",
                f"a run of this model writes files of about {each / 1e6:,.1f} MB, and this "
                f"process may write none of more than {most / 1e6:,.1f} MB",
                help="raise the limit (`ulimit -f`)",
            )
        if left < size + _MARGIN:
            raise RunError.of(
                "MS703",
                f"a run of this model needs about {(size + _MARGIN) / 1e6:,.0f} MB, but "
                f"{left / 1e6:,.0f} MB are free in `{self.path}`",
                help="free some room, or name another place",
            )

    def file(self, name: str) -> Path:
        return self.path / name

    def discard(self) -> None:
        """Remove a run that never began, with every folder that was made for it."""
        self.close()
        for item in list(self.path.iterdir()):
            if item.is_dir():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        _remove(self._made)

    def close(self) -> None:
        """Let others write it."""
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
    """`parent/<n>`, n one more than the highest there is."""
    _make(parent, made)
    number = max((int(one.name) for one in parent.iterdir() if one.name.isdecimal()), default=0)
    while True:
        number += 1
        path = parent / str(number)
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        made.append(path)
        return path


def _make(path: Path, made: list[Path]) -> None:
    """Make a folder and those above it, noting down the new ones."""
    for one in (*reversed(path.parents), path):
        if not one.exists():
            one.mkdir(exist_ok=True)
            made.append(one)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        try:
            (path / LOCK).unlink(missing_ok=True)
            path.rmdir()
        except OSError:  # somebody else's file is in it
            return


def _locked(path: Path, *, empty: bool) -> IO[bytes]:
    """The kernel frees the lock when the process ends, killed or not: there are no stale ones."""
    lock = (path / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RunError.of(
            "MS702",
            f"another process{_holder(path)} is writing `{path}`",
            help="wait for it, or name another folder with `--run-dir`" if empty else "wait for it",
        ) from None
    others = [one.name for one in path.iterdir() if one.name != LOCK]
    if others and empty:
        lock.close()
        what = (
            "holds a run already" if MANIFEST in others else f"is not empty (`{sorted(others)[0]}`)"
        )
        raise RunError.of(
            "MS704", f"`{path}` {what}", help="name another folder, or remove this one"
        )
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def _holder(path: Path) -> str:
    try:
        text = (path / LOCK).read_text()
    except OSError:
        return ""
    return f" ({text})" if text.isdecimal() else ""


def _file_name(name: str) -> str:
    """A spec's name as a folder's."""
    return re.sub(r"[^\w.+-]+", "_", name).strip(".") or "model"

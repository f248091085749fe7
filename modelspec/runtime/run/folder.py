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

from modelspec.core.run_names import PREPROCESSING, PRESETS
from modelspec.core.source.own_files import append_own, read_own

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
from .atomic_files import cannot_write, free, remove, sweep
from .checkpoints import Store
from .links import refuse_links

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

_OF_UNBEGUN = (MANIFEST, SPEC, PREPROCESSING, PRESETS, RESOLVED)
"""What a run writes before its manifest records the resolved spec."""
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

        Raises `RunError`: MS702 if another process writes it, MS703 if it cannot be written, MS970
        if it contains a link.
        """
        refuse_links(path, everywhere=True)
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
    lock = append_own(path, LOCK)
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
    _sweep(path)
    if empty and is_unbegun(path):
        for name in reversed(_OF_UNBEGUN):  # the manifest last: until then it is such a run
            if (path / name).exists():
                remove(path / name)
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


def _sweep(path: Path) -> None:
    """Removes what killed processes left incomplete in a run folder that this process has locked.
    The manifest is the first file of a run: without it, no other was begun.
    """
    sweep(path, MANIFEST, quiet=0)
    if (path / MANIFEST).exists():
        sweep(path, quiet=0)
        sweep(path / PREPROCESSING, quiet=0)
        Store(path / CHECKPOINTS).sweep()


def is_unbegun(path: Path) -> bool:
    """Whether the folder contains a run that ended before its data were prepared and its training
    began, without being able to remove the folder: it was killed.
    """
    names = {one.name for one in path.iterdir() if not _is_incomplete(one.name)}
    if MANIFEST not in names or not names <= {LOCK, *_OF_UNBEGUN}:
        return False
    try:
        values = json.loads(read_own(path, MANIFEST, _MOST))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(values, dict) or values.get("outcome") != "running":
        return False
    spec = values.get("spec")
    return not (isinstance(spec, dict) and "resolved_sha256" in spec)


def _is_incomplete(name: str) -> bool:
    """Whether a file is being written, or was when its process was killed."""
    return name.startswith(".") and name[1:].partition("-")[0].isdecimal()


def _holder(path: Path) -> str:
    try:
        text = read_own(path, LOCK, 100).decode("ascii")
    except (OSError, ValueError):
        return ""
    return f" ({text})" if text.isdecimal() else ""

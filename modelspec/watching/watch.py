"""Follows the files of a spec, and keeps the state of the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Checked

from .state import View, view

_POLLED: Final = 0.2
"""Seconds between two looks at the files."""
_AGAIN: Final = 2.0
"""Seconds between two checks of a spec with errors, whose cause may be a file that does not exist
yet.
"""
_Stamps: TypeAlias = tuple[Any, ...]


class Watch:
    """The state of one spec. One thread follows the files (`follow`); any number of threads read
    the state and wait for the next one.
    """

    def __init__(self, file: str, compile_again: Callable[[], Checked[Compiled | None]]) -> None:
        self._file, self._compile = file, compile_again
        self._changed = threading.Condition()
        self._revision = 1
        self._view = view(file, compile_again(), None)

    def current(self) -> tuple[int, View]:
        """The state and its number, from 1 on."""
        with self._changed:
            return self._revision, self._view

    def after(self, revision: int, seconds: float) -> int:
        """The number of the state once it differs from `revision`, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._revision != revision, seconds)
            return self._revision

    def follow(self, stop: threading.Event) -> None:
        """Check the spec whenever one of its files changes, until `stop` is set."""
        seen, checked_at = _stamps(self._view.files), time.monotonic()
        while not stop.wait(_POLLED):
            found = _stamps(self._view.files)
            is_due = not self._view.ok and time.monotonic() - checked_at > _AGAIN
            if found == seen and not is_due:
                continue
            self._update(view(self._file, self._compile(), self._view))
            seen = found  # of before the check: a file that is saved during it is checked again
            checked_at = time.monotonic()

    def _update(self, found: View) -> None:
        with self._changed:
            is_new = found != self._view
            self._view = found
            if is_new:
                self._revision += 1
                self._changed.notify_all()


def _stamps(files: Iterable[Path]) -> _Stamps:
    """What changes when a file is written or replaced; None for a missing one."""
    return tuple(_stamp(one) for one in files)


def _stamp(file: Path) -> tuple[Path, tuple[int, int, int] | None]:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return file, None
    return file, (found.st_mtime_ns, found.st_size, found.st_ino)

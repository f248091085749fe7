"""The connection to the process that reads HDF5 data files (`backend.hdf5.data_files`).

A damaged or crafted file can crash the HDF5 library. It then crashes that process, and this one
reports the file. One process serves all files; it ends with this one. Its answers are untrusted,
like the file: their shapes and dtypes are checked.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import threading
import weakref
from contextlib import suppress
from typing import Any

import numpy as np

from modelspec.core import sandbox

from ...table import Array

_MODULE = "modelspec.runtime.backend.hdf5.data_files"
_PIPE = 2**20
"""Bytes of the pipe: the default of Linux requires 16 times the calls."""
_KINDS = "biufcSmM"
"""Kinds of dtypes whose arrays are sent as their bytes."""


class Broken(Exception):
    """The file cannot be read, for a reason in words."""


class _Gone(Exception):
    """The process ended, or its answer is invalid."""


class _Process:
    """A process that reads, and the pipes to it."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = sandbox.start(_MODULE, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        _widen(self._process)
        self.end = weakref.finalize(self, _end, self._process, os.getpid())

    def ask(self, question: tuple[Any, ...]) -> tuple[Any, list[Array]]:
        """The answer to a question, and its arrays. Raises `Broken`, `_Gone`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise _Gone from None
        if "broken" in answer:
            raise Broken(answer["broken"])
        found = answer["found"]
        return found, [self._array(*one) for one in found] if question[0] == "read" else []

    def why_ended(self) -> str:
        """Why there is no valid answer."""
        return sandbox.why_ended(self._process)

    def _array(self, dtype: str, shape: list[int]) -> Array:
        """An array of the answer."""
        kind = np.dtype(dtype)
        if kind.kind not in _KINDS or min(shape, default=0) < 0:
            raise _Gone
        assert self._process.stdout is not None
        values = np.empty(math.prod(shape) * kind.itemsize, np.uint8)
        if self._process.stdout.readinto(values.data) != values.size:  # type: ignore[attr-defined]
            raise _Gone
        found: Array = values.view(kind) if values.size else np.empty(0, kind)
        return found.reshape(shape)


def _widen(process: subprocess.Popen[bytes]) -> None:
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ") and process.stdout is not None:
        try:
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
        except OSError:
            return  # a limit of the system: it is only slower


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """A forked process must not end the one of its parent."""
    if os.getpid() == owner:
        process.kill()
        process.communicate()


class _Shared:
    """The process of this one, and whose turn it is: the answers of two threads would mix."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.process: _Process | None = None


_shared = _Shared()


def _after_fork() -> None:
    global _shared
    _kept.append(_shared)  # its pipes belong to the parent
    _shared = _Shared()


_kept: list[_Shared] = []
os.register_at_fork(after_in_child=_after_fork)


def ask(*question: Any) -> tuple[Any, list[Array]]:
    """The answer to a question of `data_files`, and the arrays that follow it.

    Raises `Broken` if the file is damaged.
    """
    with _shared.turn:
        if _shared.process is None:
            _shared.process = _Process()
        process, is_whole = _shared.process, False
        try:
            found = process.ask(question)
            is_whole = True
            return found
        except Broken:
            is_whole = True
            raise
        except _Gone:
            raise Broken(process.why_ended()) from None
        finally:  # also after a Ctrl-C: the rest of the answer would be read as the next one
            if not is_whole:
                _shared.process = None
                process.end()


def close() -> None:
    """Closes the file that was read last. Does nothing while another answer is read: a generator
    that is not used up is closed at any time, and the next question closes the file.
    """
    shared = _shared
    if shared.process is None or not shared.turn.acquire(blocking=False):
        return
    shared.turn.release()
    with suppress(Broken):
        ask("close")

"""Files of HDF5 read by another process (`modelspec.core.sandbox`), asked one question at a time.

    question   a line of JSON: ["names", 3, "layers/dense"], about the third file that was opened
    answer     a line of JSON: {"found": ["vars"]} or {"fault": [code, message, help]};
               after `read`, the bytes too

One process serves all open files of a thread, and ends with the last of them. A file that crashes
it is reported, and the next file gets a new process. The answers are untrusted, like the file: the
shape of an array and its numeric dtype are checked.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core import sandbox as apart
from modelspec.errors import RunError

from .entry import Array, Entry, broken
from .file import opened_here

_NUMBERS = "biuf"


class _Gone(Exception):
    """The other process ended, or its answer is invalid."""


class _Server:
    """The connection to the other process."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = apart.start(__name__, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.files = 0
        """The number of open files."""

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask(self, *question: str | int) -> Any:
        """The answer to a question. Raises `RunError` for an error in the file, `_Gone` if no
        answer comes.
        """
        try:
            self._questions.write(json.dumps(question).encode() + b"\n")
            self._questions.flush()
        except BrokenPipeError:
            raise _Gone from None
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise _Gone
        answer = json.loads(line)
        if "fault" in answer:
            code, message, help = answer["fault"]
            raise RunError.of(code, message, help=help)
        return answer["found"]

    def read(self, number: int, path: str, shape: tuple[int, ...]) -> Array:
        """The array at a path."""
        dtype, given = self.ask("read", number, path)
        kind = np.dtype(dtype)
        if kind.kind not in _NUMBERS or tuple(given) != shape:
            raise _Gone
        size = math.prod(shape) * kind.itemsize
        data = self._answers.read(size)
        if len(data) != size:
            raise _Gone
        return np.frombuffer(data, kind).reshape(shape)

    def end_early(self) -> str:
        """Ends the process after an invalid answer, or none; returns the reason."""
        why = apart.why_ended(self._process)
        self.end()
        return why

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class _OfThread(threading.local):
    """Two threads that asked one process would read each other's answers."""

    server: _Server | None = None


_here = _OfThread()
_numbers = count()


def _server() -> _Server:
    if _here.server is None or not _here.server.runs:
        _here.server = _Server()
    return _here.server


class Tree:
    """The groups and datasets of a file, by paths of names. Every method raises `RunError` (MS750,
    MS751).
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self._server, self._number = _server(), next(_numbers)
        self._server.files += 1
        try:
            self._ask("open", str(path.absolute()), shown)
        except BaseException:  # also a Ctrl-C: the process must not stay, and it is raised again
            self._leave()
            raise

    def has(self, path: str) -> bool:
        """Whether a group exists at a path."""
        return bool(self._ask("has", path))

    def names(self, path: str) -> tuple[str, ...]:
        """Members of the group at a path."""
        return tuple(self._ask("names", path))

    def entry(self, path: str) -> Entry | None:
        """The array at a path; None if it does not exist."""
        found = self._ask("shape", path)
        if found is None:
            return None
        shape = tuple(found)
        return Entry(path, shape, lambda: self._read(path, shape))

    def texts(self, path: str, attribute: str) -> tuple[str, ...] | None:
        """Names in an attribute of a group."""
        found = self._ask("texts", path, attribute)
        return None if found is None else tuple(found)

    def text(self, path: str, attribute: str) -> str | None:
        """One string in an attribute of a group."""
        found = self._ask("text", path, attribute)
        return None if found is None else str(found)

    def close(self) -> None:
        try:
            if self._server.runs:
                self._ask("close")
        finally:
            self._leave()

    def _leave(self) -> None:
        """The process ends with the last file."""
        self._server.files -= 1
        if not self._server.files:
            self._server.end()

    def _ask(self, what: str, *arguments: str) -> Any:
        try:
            return self._server.ask(what, self._number, *arguments)
        except (_Gone, ValueError):
            raise self._broken() from None

    def _read(self, path: str, shape: tuple[int, ...]) -> Array:
        try:
            return self._server.read(self._number, path, shape)
        except (_Gone, ValueError):
            raise self._broken() from None

    def _broken(self) -> RunError:
        return broken(self.shown, self._server.end_early())


@contextmanager
def opened_apart(path: Path, shown: str) -> Iterator[Tree]:
    """An HDF5 file, or the one in a `.keras` archive. Raises `RunError`: MS750 if it cannot be
    read.
    """
    tree = Tree(path, shown)
    try:
        yield tree
    finally:
        tree.close()


# The other process --------------------------------------------------------------------------------


class _Service:
    """The files that are open, by number."""

    def __init__(self) -> None:
        self._files: dict[int, tuple[ExitStack, Any]] = {}

    def open(self, number: int, path: str, shown: str) -> None:
        stack = ExitStack()
        self._files[number] = (stack, stack.enter_context(opened_here(Path(path), shown)))

    def close(self, number: int) -> None:
        self._files.pop(number)[0].close()

    def shape(self, number: int, path: str) -> Any:
        entry = self._files[number][1].entry(path)
        return None if entry is None else entry.shape

    def read(self, number: int, path: str) -> Array:
        values: Array = np.asarray(self._files[number][1].entry(path).read(), order="C")
        return values

    def __call__(self, what: str, number: int, *arguments: str) -> Any:
        if what in ("open", "close", "shape", "read"):
            return getattr(self, what)(number, *arguments)
        return getattr(self._files[number][1], what)(*arguments)


def main() -> None:
    """Answers the questions on standard input until its end."""
    # Before the limits are set: imports may write compiled files.
    import modelspec.runtime.backend.hdf5.reader  # noqa: F401

    apart.limit()
    service, answers = _Service(), sys.stdout.buffer
    for line in sys.stdin.buffer:
        apart.limit_time()
        answer, data = _answer(service, json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(data)
        answers.flush()


def _answer(service: _Service, question: Any) -> tuple[dict[str, Any], Any]:
    """The answer to a question, and the bytes that follow it."""
    try:
        found = service(*question)
    except RunError as error:
        first = error.diagnostics[0]
        return {"fault": [first.code, first.message, first.help]}, b""
    if isinstance(found, np.ndarray):
        return {"found": [found.dtype.str, found.shape]}, found.reshape(-1).view(np.uint8).data
    return {"found": found}, b""


if __name__ == "__main__":
    main()

"""Files of HDF5 read by another process (`modelspec.core.sandbox`), asked one question at a time.

    question   a line of JSON: ["names", 3, "layers/dense"], about the third file that was opened
    answer     a line of JSON: {"found": ["vars"]} or {"fault": [code, message, help]};
               after `read`, the bytes too

One process serves all files; a file that breaks it is reported, and the next one is given a new
process. The answers are as little trusted as the file: an array has the shape that was promised,
and is made of numbers.
"""

from __future__ import annotations

import atexit
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core import sandbox as apart
from modelspec.runtime.data.errors import RunError

from .entry import Array, Entry, broken
from .hdf5_file import opened_here

_NUMBERS = "biuf"


class _Gone(Exception):
    """The other process ended, or says what makes no sense."""


class _Server:
    """The other process, as this one talks to it."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = apart.start(__name__, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask(self, *question: str | int) -> Any:
        """What is found. Raises `RunError` for what is wrong with the file, `_Gone` where no answer
        comes.
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

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


_running: list[_Server] = []
_numbers = count()


def _server() -> _Server:
    if not _running or not _running[0].runs:
        _running[:] = [_Server()]
    return _running[0]


@atexit.register
def _end() -> None:
    for server in _running:
        server.end()
    _running.clear()


class Tree:
    """The groups and datasets of a file, by paths of names. Every method raises `RunError` (MS750,
    MS751).
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self._server, self._number = _server(), next(_numbers)
        self._ask("open", str(path.absolute()), shown)

    def has(self, path: str) -> bool:
        """Whether there is a group at a path."""
        return bool(self._ask("has", path))

    def names(self, path: str) -> tuple[str, ...]:
        """Members of the group at a path."""
        return tuple(self._ask("names", path))

    def entry(self, path: str) -> Entry | None:
        """The array at a path; None where there is none."""
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
        """One text in an attribute of a group."""
        found = self._ask("text", path, attribute)
        return None if found is None else str(found)

    def close(self) -> None:
        if self._server.runs:
            self._ask("close")

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
        self._server.end()
        return broken(self.shown, "the HDF5 library breaks down on it")


@contextmanager
def opened_apart(path: Path, shown: str) -> Iterator[Tree]:
    """An HDF5 file, or the one in a `.keras` archive. Raises `RunError`: MS750 where it cannot be
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
    """Answers the questions that come in on standard input, until there are no more."""
    # Before the limits: what is imported may be compiled and kept.
    import modelspec.runtime.backend.weights.hdf5_reader  # noqa: F401

    apart.limit()
    service, answers = _Service(), sys.stdout.buffer
    for line in sys.stdin.buffer:
        answer, data = _answer(service, json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(data)
        answers.flush()


def _answer(service: _Service, question: Any) -> tuple[dict[str, Any], Any]:
    """What is said to a question, and the bytes that follow."""
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

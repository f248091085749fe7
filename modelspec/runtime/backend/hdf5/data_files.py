"""HDF5 data files, read in a process of `modelspec.runtime.data`, which may crash.

    question   a line of JSON: ["inspect", path], ["read", path, name, first, end], ["close"]
    answer     a line of JSON: {"found": ...}, or {"broken": reason}; after `read`, the bytes of
               the parts too

Links out of the file are not followed, and nothing is judged here: sizes are reported as the file
claims and stores them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import h5py
import numpy as np

from modelspec.core import sandbox

from .entry import Array

_BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""The exceptions of h5py for a damaged file, depending on the damage."""
MAX_OBJECTS = 100_000
"""The most objects of a file that are visited."""
PLAIN = "biufcSmM"
"""Kinds of dtypes whose arrays are sent as their bytes."""
_MAX_DEPTH = 32


class _Reader:
    """Answers questions; keeps the file of the last one open."""

    def __init__(self) -> None:
        self._file: Any = None
        self._path = ""

    def inspect(self, path: str) -> dict[str, Any]:
        """The data sets of a file, in its order, and the first link to another file."""
        found: dict[str, Any] = {"sets": [], "link": None, "many": False}
        with h5py.File(path, "r") as file:
            _walk(file, found)
        return found

    def read(self, path: str, name: str, first: int, end: int) -> list[Array]:
        """Rows of a data set as one array; as shape, lengths and contents, if the values are
        texts or arrays of different lengths. Empty if they are neither.
        """
        if self._path != path:
            self.close()
            self._file, self._path = h5py.File(path, "r"), path
        values: Array = np.asarray(self._file[name][first:end])
        if values.dtype.kind == "O":
            return _split(values)
        return [values] if values.dtype.kind in PLAIN else []

    def close(self) -> None:
        """Closes the file: the lock of an open file would prevent that it is written."""
        file, self._file, self._path = self._file, None, ""
        if file is not None:
            file.close()


def _walk(file: Any, found: dict[str, Any]) -> None:
    """Adds every data set; links within the file are skipped."""
    waiting: list[tuple[str, Any]] = [("", file)]
    seen = 0
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            name = f"{prefix}{key}"
            link = group.get(key, getlink=True)
            seen += 1
            if isinstance(link, h5py.ExternalLink) or seen > MAX_OBJECTS:
                found.update(link=name, many=seen > MAX_OBJECTS)
                return
            if not isinstance(link, h5py.HardLink):
                continue
            node = group[key]
            if isinstance(node, h5py.Dataset):
                found["sets"].append(_facts(name, node))
            elif isinstance(node, h5py.Group) and name.count("/") < _MAX_DEPTH:
                waiting.append((f"{name}/", node))


def _facts(name: str, node: Any) -> dict[str, Any]:
    is_elsewhere = bool(node.is_virtual or node.external)
    return {
        "name": name,
        "shape": [int(size) for size in node.shape or ()],
        "item": node.dtype.itemsize,
        "kind": node.dtype.kind,
        "fields": list(node.dtype.names or ()),
        "elsewhere": is_elsewhere,
        "chunks": None if is_elsewhere or node.chunks is None else [int(n) for n in node.chunks],
        "stored": node.id.get_storage_size(),
        "written": node.id.get_num_chunks() if node.chunks and not is_elsewhere else 0,
    }


def _split(values: Array) -> list[Array]:
    """The shape, lengths and contents of texts, or of arrays of different lengths."""
    items = list(values.flat)
    kind = np.ndarray if items and isinstance(items[0], np.ndarray) else bytes
    if not all(isinstance(one, kind) for one in items):
        return []  # references
    shape = np.array(values.shape, "int64")
    lengths = np.array([len(one) for one in items], "int64")
    if kind is bytes:
        return [shape, lengths, np.frombuffer(b"".join(items), "S1")]
    contents: Array = np.concatenate(items)
    return [shape, lengths, contents] if contents.dtype.kind in "biufc" else []


def main() -> None:
    """Answers the questions on standard input until its end."""
    sandbox.limit()
    reader, answers = _Reader(), sys.stdout.buffer
    for line in sys.stdin.buffer:
        sandbox.limit_time()
        answer, parts = _answer(reader, json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        for part in parts:
            answers.write(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
        answers.flush()


def _answer(reader: _Reader, question: Any) -> tuple[dict[str, Any], list[Array]]:
    """The answer to a question, and the arrays that follow it."""
    what, *arguments = question
    try:
        found = getattr(reader, what)(*arguments)
    except _BROKEN as error:
        lines = str(error).strip().splitlines()
        return {"broken": lines[0][:120] if lines else type(error).__name__}, []
    if what == "read":
        return {"found": [[one.dtype.str, one.shape] for one in found]}, found
    return {"found": found}, []


if __name__ == "__main__":
    main()

"""Predictions to a file as they come: csv, jsonl, npz, parquet and Arrow, by the ending of its
name.

Memory holds one chunk of them, however many there are. The file is written under another name and
renamed when it is whole: whatever ends the process before leaves nothing under the name that was
asked for.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from ..data.table import Array
from ..history.formatting import for_json
from .atomic_files import write_whole
from .prediction_outputs import arrays, check_width, columns, nested, shortest
from .prediction_rows import Predictions

_CHUNK = 4 * 2**20
"""Bytes of predictions that are written at once."""
_CHUNK_AS_TEXT = 2**18
"""The same where every number becomes text, which takes some twenty times the memory."""


def write_output(batches: Iterable[Predictions], count: int, path: Path) -> None:
    """Write `count` rows of predictions to a file, whole or not at all. Raises `RunError`."""
    write_whole(path, lambda beside: _write(batches, count, beside))


def _write(batches: Iterable[Predictions], count: int, path: Path) -> None:
    with ExitStack() as stack:
        kind, sink = _SINKS[path.suffix.lower()], None
        for chunk in chunks(batches, kind.chunk):
            if sink is None:
                check_width(chunk, path)
                sink = kind(path, count, chunk, stack)
            sink.add(chunk)
        if sink is not None:
            sink.finish()


def chunks(batches: Iterable[Predictions], size: int) -> Iterator[Predictions]:
    """Batches joined until they have `size` bytes."""
    waiting: list[Predictions] = []
    held = 0
    for batch in batches:
        waiting.append(batch)
        held += sum(values.nbytes for values in arrays(batch).values())
        if held >= size:
            yield joined(waiting)
            waiting, held = [], 0
    if waiting:
        yield joined(waiting)


def joined(parts: list[Predictions]) -> Predictions:
    """Batches of one stream as one."""

    first = parts[0]
    return (
        first
        if len(parts) == 1
        else Predictions(
            {
                name: np.concatenate([part.outputs[name] for part in parts])
                for name in first.outputs
            },
            {
                name: np.concatenate([part.classes[name] for part in parts])
                for name in first.classes
            },
            first.warnings,
        )
    )


class Sink(ABC):
    """A file that is being written. What it opens, `stack` closes."""

    chunk: ClassVar[int] = _CHUNK

    def __init__(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.open(path, count, first, stack)

    @abstractmethod
    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        """Write what comes before the rows; `first` shows names and types."""

    @abstractmethod
    def add(self, chunk: Predictions) -> None:
        """Write some rows."""

    def finish(self) -> None:
        """Write what comes behind the rows."""
        return


class _Csv(Sink):
    chunk = _CHUNK_AS_TEXT

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow(columns(first))

    def add(self, chunk: Predictions) -> None:
        self.writer.writerows(
            zip(*(shortest(values) for values in columns(chunk).values()), strict=True)
        )


class _JsonLines(Sink):
    chunk = _CHUNK_AS_TEXT

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.file = stack.enter_context(path.open("w", encoding="utf-8"))

    def add(self, chunk: Predictions) -> None:
        self.file.writelines(f"{line}\n" for line in lines(chunk))


def lines(found: Predictions) -> Iterator[str]:
    """Every row as JSON; numbers that JSON lacks are null."""
    named = arrays(found)
    for row in range(len(found)):
        values = {name: nested(array[row]) for name, array in named.items()}
        try:
            yield json.dumps(values, ensure_ascii=False, allow_nan=False)
        except ValueError:
            yield json.dumps(for_json(values), ensure_ascii=False)


class _Npz(Sink):
    """The first array goes straight into the archive; others wait in files without a name, as an
    archive takes its members one after the other.
    """

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.archive = stack.enter_context(
            zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        )
        self.files: dict[str, IO[bytes]] = {}
        for name, values in arrays(first).items():
            spooled = bool(self.files)
            file: IO[bytes] = stack.enter_context(
                tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  # the stack closes it
                if spooled
                else self.archive.open(f"{name}.npy", "w", force_zip64=True)
            )
            header = {
                "descr": np.lib.format.dtype_to_descr(values.dtype),
                "fortran_order": False,
                "shape": (count, *values.shape[1:]),
            }
            np.lib.format.write_array_header_1_0(file, header)
            self.files[name] = file

    def add(self, chunk: Predictions) -> None:
        for name, values in arrays(chunk).items():
            self.files[name].write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)

    def finish(self) -> None:
        (_, direct), *others = self.files.items()
        direct.close()
        for name, file in others:
            file.seek(0)
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, 2**20)


class _Arrow(Sink):
    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.arrow: Any = import_module("pyarrow")
        schema = self._table(first).schema
        self.writer: Any = stack.enter_context(self._writer(path, schema))

    def _writer(self, path: Path, schema: Any) -> Any:
        return import_module("pyarrow.ipc").new_file(str(path), schema)

    def _table(self, chunk: Predictions) -> Any:
        return self.arrow.table({name: _plain(values) for name, values in columns(chunk).items()})

    def add(self, chunk: Predictions) -> None:
        self.writer.write_table(self._table(chunk))


class _Parquet(_Arrow):
    def _writer(self, path: Path, schema: Any) -> Any:
        return import_module("pyarrow.parquet").ParquetWriter(str(path), schema)


def _plain(values: Array) -> Array:
    """A column in one piece."""
    return np.ascontiguousarray(values)


_SINKS: dict[str, type[Sink]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".npz": _Npz,
    ".parquet": _Parquet,
    ".arrow": _Arrow,
}

"""Writes predictions to a file as they are computed: CSV, JSON Lines, npz, Parquet and Arrow, by
extension.

Only one chunk is in memory at a time. The file is written under another name and renamed when it is
complete: if the process ends before, no file with the requested name exists.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from modelspec.core.spreadsheet_cells import inert
from modelspec.core.visible import visible

from ..data.skipped_rows import SkippedRow
from ..data.table import Array
from .atomic_files import cannot_write, write_bytes, write_whole
from .prediction_lines import lines as lines
from .prediction_outputs import arrays, check_width, columns, shortest
from .prediction_rows import Predictions
from .prediction_steps import blanked

_CHUNK = 4 * 2**20
"""Maximum bytes of predictions that are written at once."""
_CHUNK_AS_TEXT = 2**18
"""The same if every number becomes text, which takes about twenty times the memory."""


def write_output(
    batches: Iterable[Predictions], count: int, path: Path, *, raw: bool = False
) -> None:
    """Write `count` rows of predictions to a file atomically. In a csv file, strings that a
    spreadsheet would run as formulas begin with an apostrophe, unless `raw`. Raises `RunError`.
    """
    write_whole(path, lambda beside: _write(batches, count, beside, raw))


def _write(batches: Iterable[Predictions], count: int, path: Path, raw: bool) -> None:
    with ExitStack() as stack:
        kind, sink = _SINKS[path.suffix.lower()], None
        kind = _RawCsv if raw and kind is _Csv else kind
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
    first, *others = parts
    return first.followed_by(*others)


def write_errors(skipped: Sequence[SkippedRow], path: Path, id: str | None) -> Path | None:
    """Writes the rows without a prediction to `FILE.errors.csv` beside the predictions in `path`:
    their number, place, reason, and the value of the column `id`. If there are none, an old file is
    removed. Raises `RunError`.
    """
    beside = path.with_name(f"{path.name}.errors.csv")
    if not skipped:
        try:
            beside.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(beside, error) from None
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = 3 if id is None else 4
    writer.writerow(("row", "place", "reason", id)[:columns])
    for one in skipped:  # escapes terminal control characters for users who print the file
        cells = (one.number, visible(one.place), visible(one.reason), one.id)[:columns]
        writer.writerow(map(inert, cells))
    write_bytes(beside, text.getvalue().encode())
    return beside


class Sink(ABC):
    """A file that is being written. `stack` closes everything that it opens."""

    chunk: ClassVar[int] = _CHUNK

    def __init__(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.open(path, count, first, stack)

    @abstractmethod
    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        """Write the header; `first` has the names and types."""

    @abstractmethod
    def add(self, chunk: Predictions) -> None:
        """Write some rows."""

    def finish(self) -> None:
        """Write the end of the file."""
        return


class _Csv(Sink):
    chunk = _CHUNK_AS_TEXT

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow(map(self.cell, columns(first)))

    def add(self, chunk: Predictions) -> None:
        found = [self.cells(values) for values in columns(blanked(chunk)).values()]
        self.writer.writerows(zip(*found, strict=True))

    def cells(self, values: Array) -> Iterable[Any]:
        """The cells of a column."""
        written = shortest(values)
        return map(self.cell, written) if values.dtype.kind in "OU" else written

    def cell(self, value: Any) -> Any:
        return inert(value)


class _RawCsv(_Csv):
    def cell(self, value: Any) -> Any:
        return value


class _JsonLines(Sink):
    chunk = _CHUNK_AS_TEXT

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.file = stack.enter_context(path.open("w", encoding="utf-8"))

    def add(self, chunk: Predictions) -> None:
        self.file.writelines(f"{line}\n" for line in lines(chunk))


class _Npz(Sink):
    """The first array is written directly to the archive; others are buffered in unnamed files,
    because an archive is written one member at a time. Strings are buffered in memory, because the
    width of their array is not known before.
    """

    def open(self, path: Path, count: int, first: Predictions, stack: ExitStack) -> None:
        self.archive = stack.enter_context(
            zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        )
        self.files: dict[str, IO[bytes]] = {}
        self.texts: dict[str, list[Array]] = {}
        for name, values in arrays(first).items():
            if values.dtype.kind == "O":
                self.texts[name] = []
                continue
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
            if name in self.texts:
                self.texts[name].append(values)
                continue
            self.files[name].write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)

    def finish(self) -> None:
        for number, (name, file) in enumerate(self.files.items()):
            if number == 0:
                file.close()  # it is already in the archive
                continue
            file.seek(0)
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, 2**20)
        for name, parts in self.texts.items():
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                text = np.concatenate(parts).astype(str)
                np.lib.format.write_array(member, text, allow_pickle=False)


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
    """A column as one chunk."""
    return np.ascontiguousarray(values)


_SINKS: dict[str, type[Sink]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".npz": _Npz,
    ".parquet": _Parquet,
    ".arrow": _Arrow,
}

"""Arrays with one file each (`npy`, `idx`); the sizes in a header are compared with the file before
they are used.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Self

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from . import files
from .numpy_header import BROKEN
from .stored_arrays import StoredArray, StoredArrayTable, axes


class ColumnFilesTable(StoredArrayTable):
    """Columns with one file each."""

    broken = BROKEN
    ending: ClassVar[str]
    """The extension of its files."""

    def __init__(
        self, name: str, columns: Mapping[str, files.Found], span: Span | None = None
    ) -> None:
        prints = {
            column: files.fingerprint_of(one.path, one.shown) for column, one in columns.items()
        }
        super().__init__(name, tuple(columns), _fingerprint(prints), span)
        self._columns = columns
        self._stored: dict[str, StoredArray] = {}

    @classmethod
    def of(cls, source: Any, context: Context, span: Span | None) -> Self:
        """The table of a source, with every header checked. Raises `Fault`."""
        paths: Mapping[str, str] = (
            {_stem(source.files): source.files} if isinstance(source.files, str) else source.files
        )
        columns = {
            name: files.Found.at(path, files.locate(path, context)) for name, path in paths.items()
        }
        table = cls(files.name_of(tuple(paths.values())), columns, span)
        for name in table.names:
            table.stored(name)
        return table

    @abstractmethod
    def header(self, found: files.Found) -> StoredArray:
        """The description of the array in a file. Raises `Fault`, or an error of `broken`."""

    def stored(self, name: str) -> StoredArray:
        if name not in self._stored:
            try:
                self._stored[name] = self.header(self._columns[name])
            except Fault:
                raise
            except BROKEN as error:
                raise self.damaged(name, error) from None
            axes(name, self, self._stored[name].shape)
        return self._stored[name]

    def damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"`{self._columns[name].shown}` is not a valid {self.ending} file: {files.said(error)}",
            help="write or copy the file again",
        )


def _fingerprint(prints: Mapping[str, str]) -> str:
    if len(prints) == 1:
        return next(iter(prints.values()))
    return files.fingerprint_of_all([part for pair in prints.items() for part in pair])


@contextmanager
def opened_at(found: files.Found, start: int) -> Iterator[IO[bytes]]:
    """A file, decompressed, after its header."""
    found.unchanged()
    with files.open_plain(found.path) as file:
        file.read(start)
        yield file


def _stem(path: str) -> str:
    """`images` of `data/images.npy`, `train-images` of `train-images-idx3-ubyte.gz`."""
    return Path(path).name.removesuffix(".gz").split(".")[0].split("-idx")[0]

"""A table with columns of images and sounds, read from the files that columns of paths name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.feature import Feature
from modelspec.compiler.spec.file_reading import file_columns
from modelspec.core.diagnostics import Diagnostic, Fault, Span
from modelspec.core.paths import from_folder
from modelspec.core.settings import Context

from .cells import Numbers
from .errors import Findings
from .sources.formats import files
from .sources.formats.audio_decoder import AudioDecoder, Hearing
from .sources.formats.class_folders import Member, fingerprint_of_members
from .sources.formats.decoded_files import DecodedFiles, Decoder
from .sources.formats.image_bits import mixed
from .sources.formats.image_decoder import Decoding
from .sources.formats.pictures import ImageDecoder, MaskDecoder
from .table import Array, Table, fail


def with_files(
    table: Table, data: DataSection, context: Context, findings: Findings, *, targets: bool = True
) -> Table:
    """The table with the files that features of a spec read; the table itself where none reads
    files. Without `targets`, only those of inputs. Raises `DataError` for all missing files.
    """
    asked = {
        **file_columns(data.inputs or {}),
        **(file_columns(data.targets or {}) if targets else {}),
    }
    asked = {name: one for name, one in asked.items() if name not in table}  # else passed as data
    if not asked:
        return table
    found = FileTable(table, asked, _places(data), context)
    findings.extend(found.mixed())
    return found


def _places(data: DataSection) -> dict[str, Span]:
    """The place where the spec first names each column of paths."""
    found: dict[str, Span] = {}
    for kind, features in (("inputs", data.inputs), ("targets", data.targets)):
        for name, one in (features or {}).items():
            span = data.spans.get((kind, name, one.column or ""))
            if one.column is not None and span is not None:
                found.setdefault(one.column, span)
    return found


class FileTable(Table):
    """A table with additional columns of files."""

    def __init__(
        self,
        base: Table,
        asked: Mapping[str, Feature],
        spans: Mapping[str, Span],
        context: Context,
    ) -> None:
        super().__init__(base.name, base.names, base.fingerprint, base.span)
        self._base = base
        self._paths = {name: one.column or "" for name, one in asked.items()}
        findings = Findings()
        found = {
            column: self._files(column, context, spans.get(column), findings)
            for column in dict.fromkeys(self._paths.values())
        }
        findings.stop_if_wrong()
        self._decoded = {
            name: decoded_files(name, one, found[one.column or ""], base.name, spans)
            for name, one in asked.items()
        }
        self._known = frozenset((*base.names, *asked))
        self.fingerprint = files.fingerprint_of_all(
            [
                base.fingerprint,
                *(f"{column}\0{fingerprint_of_members(one)}" for column, one in found.items()),
            ]
        )

    def __getattribute__(self, name: str) -> Any:
        """Properties of the source come from the underlying table."""
        if name in _OF_THE_SOURCE:
            return getattr(object.__getattribute__(self, "_base"), name)
        return object.__getattribute__(self, name)

    @cached_property
    def size_hint(self) -> int | None:
        own = sum(one.first.size * len(one.members) for one in self._decoded.values())
        below = self._base.size_hint
        return own if below is None else own + below

    def column(self, name: str, span: Span | None = None, *, text: bool = False) -> Array:
        if name in self._decoded:
            return super().column(name, span)
        return self._base.column(name, span, text=text)

    def missing(self, name: str, span: Span | None = None) -> Array | None:
        return None if name in self._decoded else self._base.missing(name, span)

    def read(self, name: str) -> Array:
        return self._decoded[name].read()

    def bits_of(self, name: str) -> int | None:
        found = self._decoded.get(name)
        if found is None:
            return self._base.bits_of(name)
        return found.decoder.bits if isinstance(found.decoder, ImageDecoder) else None

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        decoded = {name: self._decoded[name] for name in names if name in self._decoded}
        below = [name for name in names if name not in decoded]
        rows = min([rows, *(one.rows_of_block(rows) for one in decoded.values())])
        passes = {name: _Rows(one.blocks(rows)) for name, one in decoded.items()}
        count = len(next(iter(decoded.values())).members) if decoded else 0
        sizes = (
            self._base.blocks(below, rows, texts)
            if below
            else ({"": range(start, min(start + rows, count))} for start in range(0, count, rows))
        )
        for block in sizes:
            size = len(next(iter(block.values())))
            found = {name: one.take(size) for name, one in passes.items()}
            yield {name: found[name] if name in found else block[name] for name in names}  # type: ignore[misc]  # no column
        for one in passes.values():
            one.take(0)

    def numbers(self, texts: Array) -> Numbers:
        return self._base.numbers(texts)

    def tells_whole(self, name: str) -> bool:
        return name not in self._decoded and self._base.tells_whole(name)

    def written_whole(self, name: str) -> Array:
        return self._base.written_whole(name)

    def place(self, name: str, index: tuple[int, ...]) -> str:
        decoded = self._decoded.get(name)
        if decoded is None:
            return self._base.place(name, index)
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        return f"{decoded.members[index[0]].shown}{inner}"

    def _files(
        self, column: str, context: Context, span: Span | None, findings: Findings
    ) -> list[Member]:
        """The file of every row. Errors are collected, each with its row."""
        written = self._base.column(column, span, text=True)
        found: list[Member] = []
        for row, cell in enumerate(written.tolist()):
            try:
                found.append(member_of(cell, self._base, context))
            except Fault as fault:
                place = self._base.place(column, (row,))
                findings.error(fault.code, f"{fault.message} ({place})", span, help=fault.help)
        return found

    def mixed(self) -> Iterator[Diagnostic]:
        """A warning for each column with both 8-bit and 16-bit images."""
        for column, one in self._decoded.items():
            if isinstance(one.decoder, ImageDecoder):
                wide = one.decoder.wide_of(one.members)
                if 0 < len(wide) < len(one.members):
                    yield mixed(wide, len(one.members), f"`{column}` of {self.name}", self.span)


class _Rows:
    """Blocks of decoded files, from which any number of rows is taken."""

    def __init__(self, blocks: Iterator[tuple[int, Array]]) -> None:
        self._blocks = blocks
        self._rest: Array | None = None

    def take(self, count: int) -> Array:
        """The next rows; 0 reads the remaining blocks to their end."""
        parts = [] if self._rest is None else [self._rest]
        held = sum(map(len, parts))
        while held < count or not count:
            following = next(self._blocks, None)
            if following is None:
                break
            parts.append(following[1])
            held += len(following[1])
        whole = np.concatenate(parts) if parts else np.zeros(0)
        self._rest = whole[count:]
        return whole[:count]


def member_of(cell: Any, table: Table, context: Context) -> Member:
    """The file that a cell names, relative to the file that the table was read from. Raises
    `Fault`: MS680 for a cell that does not name a file, MS210 outside the project and the granted
    places, MS601 where the file does not exist.
    """
    if not isinstance(cell, str):
        raise Fault("MS680", f"{cell!r} does not name a file", help="name a column of paths")
    if not cell.strip():
        raise Fault(
            "MS680",
            "no file is named",
            help="filter such rows out: `where: path is not missing`",
        )
    folder = table.origin or context.folder or Path.cwd()
    return Member(cell, files.locate(from_folder(cell, folder, context), context), None)


def decoded_files(
    name: str, feature: Feature, found: list[Member], table: str, spans: Mapping[str, Span]
) -> DecodedFiles:
    """The column of a feature that reads files. Raises `DataError` (MS717) if the package for them
    is missing.
    """
    shown, span = f"`{name}` of `{table}`", spans.get(feature.column or "")
    try:
        return DecodedFiles(shown, found, _decoder(feature, found), span)
    except Fault as fault:
        raise fail(fault, span) from None


def _decoder(feature: Feature, found: list[Member]) -> Decoder:
    if feature.read == "audio":
        return AudioDecoder(Hearing.of(feature), found)
    decoding = Decoding.of(feature)
    return ImageDecoder(decoding, found) if feature.read == "image" else MaskDecoder(decoding)


_OWN = frozenset(vars(FileTable)) | {"name", "names", "fingerprint", "span", "blocks"}
_OF_THE_SOURCE = frozenset(
    name
    for name in chain(vars(Table), ("settings", "warnings", "source_places", "kept", "origin"))
    if not name.startswith("_") and name not in _OWN
)
"""Attributes that always come from the source, including those that it gains later."""

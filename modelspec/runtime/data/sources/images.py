"""`images`: image files from class folders or from a table that lists them, and their masks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.catalog.sources.images import IMAGE, MASK, images
from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span
from modelspec.core.settings import Context

from ..cells import Numbers
from ..errors import MAX_OF_A_KIND, DataError, Findings
from ..table import Array, Table
from .formats import files
from .formats.class_folders import Member, fingerprint_of_members, members
from .formats.decoded_files import DecodedFiles
from .formats.image_bits import mixed
from .formats.image_decoder import Decoding
from .formats.paired_files import paired
from .formats.pictures import ImageDecoder, MaskDecoder

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
LABEL = "label"


class ImageTable(Table):
    """`image`, `mask` if there are masks, and `label` or the columns of the table that lists the
    files.
    """

    def __init__(
        self,
        name: str,
        source: images,
        found: list[Member],
        others: dict[str, Array],
        rows: Table | None,
        span: Span | None,
        masks: list[Member] | None = None,
    ) -> None:
        decoding = Decoding.of(source)
        self._decoder = ImageDecoder(decoding, found)
        fingerprint = fingerprint_of_members(found)
        if self._decoder.bits == 16:  # earlier versions read them as 8 bits
            fingerprint = files.fingerprint_of_all([fingerprint, "uint16"])
        if rows is not None:
            fingerprint = files.fingerprint_of_all([fingerprint, rows.fingerprint])
        columns = {IMAGE: DecodedFiles(f"`{IMAGE}` of `{name}`", found, self._decoder, span)}
        if masks is not None:
            fingerprint = files.fingerprint_of_all([fingerprint, fingerprint_of_members(masks)])
            of = MaskDecoder(decoding, dict(zip(masks, found, strict=True)))
            columns[MASK] = DecodedFiles(f"`{MASK}` of `{name}`", masks, of, span)
        super().__init__(name, (*columns, *others), fingerprint, span)
        self._source = source
        self._columns = columns
        self._others = others
        self._rows = rows
        self.as_written = rows is not None and rows.as_written
        self.places = np.arange(len(found))
        """The row of each example in the table, if files that cannot be decoded are left out."""
        if source.unreadable == "skip":
            self._leave_out()
        wide = self._decoder.wide_of(self._members)
        if 0 < len(wide) < self.count:
            self.warnings = (*self.warnings, mixed(wide, self.count, name, span))

    @property
    def _members(self) -> list[Member]:
        return self._columns[IMAGE].members

    @property
    def file_names(self) -> list[str]:
        return [one.shown for one in self._members]

    @property
    def bits(self) -> int:
        return self._decoder.bits

    def bits_of(self, name: str) -> int | None:
        return self.bits if name == IMAGE else None

    @property
    def count(self) -> int:
        return len(self._members)

    @property
    def size_hint(self) -> int:
        return self.count * sum(one.first.size for one in self._columns.values())

    @property
    def default_features(self) -> tuple[str, ...]:
        return (IMAGE,)

    @property
    def default_target(self) -> str | None:
        if MASK in self._columns:
            return MASK
        return LABEL if LABEL in self._others else None

    def read(self, name: str) -> Array:
        column = self._columns.get(name)
        return self._others[name] if column is None else column.read()

    def read_text(self, name: str) -> Array:
        if name in self._columns or self._rows is None:
            return self.read(name)
        return self._rows.column(name, text=True)[self.places]

    def numbers(self, texts: Array) -> Numbers:
        return super().numbers(texts) if self._rows is None else self._rows.numbers(texts)

    def written_whole(self, name: str) -> Array:
        assert self._rows is not None, "only a table distinguishes integers from others"
        return self._rows.written_whole(name)[self.places]

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        return self.read_blocks_of(names, rows, ())

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        decoded = {name: self._columns[name] for name in names if name in self._columns}
        others = {
            name: self.column(name, text=name in texts) for name in names if name not in decoded
        }
        rows = min([rows, *(one.rows_of_block(rows) for one in decoded.values())])
        passes = {name: one.blocks(rows) for name, one in decoded.items()}
        for start in range(0, self.count, rows):
            block = {name: values[start : start + rows] for name, values in others.items()}
            block |= self._next(passes)
            yield {name: block[name] for name in names}
        for one in passes.values():
            next(one, None)  # stops its threads

    @staticmethod
    def _next(passes: dict[str, Iterator[tuple[int, Array]]]) -> dict[str, Array]:
        """The next block of every column. Raises `DataError` with the problems of all of them."""
        found: dict[str, Array] = {}
        errors: list[DataError] = []
        for name, blocks in passes.items():
            try:
                found[name] = next(blocks)[1]
            except DataError as error:
                errors.append(error)
        if errors:
            raise DataError(one for error in errors for one in error.diagnostics)
        return found

    def place(self, name: str, index: tuple[int, ...]) -> str:
        column = self._columns.get(name)
        if column is None and self._rows is not None:
            return self._rows.place(name, (int(self.places[index[0]]),))
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        found = column.members if column is not None else self._members
        return f"{found[index[0]].shown}{inner}"

    def _leave_out(self) -> None:
        """The table without the files that cannot be decoded, and a warning with their number."""
        kept: list[int] = []
        bad: list[str] = []
        passes = (one.each() for one in self._columns.values())
        for place, found in enumerate(zip(*passes, strict=True)):
            wrong = [one for one in found if isinstance(one, Fault)]
            if not wrong:
                kept.append(place)
            elif wrong[0].code in _NEVER_LEFT_OUT:
                raise wrong[0]
            else:
                bad.append(wrong[0].message)
        if not kept:
            raise Fault(
                "MS644",
                f"none of the {self.count:,} files of {self.name} can be decoded",
                help=bad[0],
            )
        if bad:
            notes = tuple(Note(message) for message in bad[:MAX_OF_A_KIND])
            many = f"{len(bad):,} of {self.count:,} files of {self.name}"
            text = f"{many} cannot be decoded and are left out"
            self.warnings = (*self.warnings, Diagnostic("MS644", "warning", text, self.span, notes))
        self.places = np.array(kept)
        for one in self._columns.values():
            one.keep(kept)
        self._others = {name: values[self.places] for name, values in self._others.items()}


_NEVER_LEFT_OUT = ("MS646", "MS676", "MS677", "MS678")
"""Faults of files other than decoding errors."""


def open_table(source: images, context: Context, span: Span | None) -> ImageTable:
    """The table of an `images` source. Raises `Fault` or `DataError`."""
    if source.csv is not None:
        return _from_csv(source, source.csv, context, span)
    assert source.path is not None
    root = files.locate(source.path, context, folder=True)
    if not root.is_dir():
        raise Fault(
            "MS601",
            f"`{source.path}` is a file, not a folder of images",
            help=f"for a table that lists images write `images: {{csv: {source.path}}}`",
        )
    found = members(source.path, root, ENDINGS, context.places)
    labels = (
        {}
        if found[0].label is None
        else {LABEL: np.array([one.label for one in found], dtype=object)}
    )
    masks = None
    if source.masks is not None:
        folder = files.locate(source.masks, context, folder=True)
        if not folder.is_dir():
            raise Fault("MS601", f"`{source.masks}` is a file, not a folder of masks")
        others = members(source.masks, folder, ENDINGS, context.places)
        found, masks = paired(source.path, root, found, source.masks, folder, others, span)
    return ImageTable(source.path, source, found, labels, None, span, masks)


def is_file(path: Path) -> bool:
    """Whether a regular file with this name exists; the name may be too long for a file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def table_of_files(source: images, paths: list[Path]) -> ImageTable:
    """The table of some image files, read like those of a source. Raises `Fault`."""
    for path in paths:
        if not is_file(path):
            raise Fault("MS601", f"`{path}` does not exist")
    found = [Member(str(path), path, None) for path in paths]
    return ImageTable(paths[0].name, source, found, {}, None, None)


def _from_csv(source: images, path: str, context: Context, span: Span | None) -> ImageTable:
    from . import csv as delimited

    table = delimited.open_table(csv(path=path), context, span)
    column = source.column or table.names[0]
    others = {name: table.column(name) for name in table.names if name != column}
    if IMAGE in others:
        raise Fault(
            "MS604",
            f"`{path}` has a column `{IMAGE}` beside `{column}`, which lists the images",
            help=f"rename it, or use it for the images: `column: {IMAGE}`",
        )
    file = files.locate(path, context)
    root = file.parent if source.root is None else files.locate(source.root, context, folder=True)
    found, findings = [], Findings()
    for index, written in enumerate(table.column(column, text=True).tolist()):
        try:
            found.append(_member(str(written), root))
        except Fault as fault:
            message = f"{fault.message} ({table.place(column, (index,))})"
            findings.error(fault.code, message, span, help=fault.help)
    findings.stop_if_wrong()
    return ImageTable(path, source, found, others, table, span)


def _member(written: str, root: Path) -> Member:
    """The file in a cell. Raises `Fault`: MS210 outside the root, MS601 if it does not exist."""
    try:
        path = (root / written).resolve()
    except (OSError, RuntimeError, ValueError):
        raise Fault("MS601", f"`{written}` is not a path") from None
    if not path.is_relative_to(root.resolve()):
        raise Fault(
            "MS210", f"`{written}` is outside of the images' folder", help="use files below `root`"
        )
    if not written or not is_file(path):
        raise Fault("MS601", f"the image `{written}` does not exist", help=f"expected it at {path}")
    return Member(written, path, None)

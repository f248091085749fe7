"""`images`: image files, of class folders or of a table that names them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.catalog.sources.images import images
from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span
from modelspec.core.settings import Context

from ..cells import Numbers
from ..errors import MAX_OF_A_KIND, Findings
from ..table import BLOCK, Array, Table
from .formats import files
from .formats.class_folders import Member, fingerprint_of_members, members
from .formats.image_bits import mixed, of_16_bits
from .formats.image_decoder import CHANNELS, read_picture
from .formats.stored_arrays import fitting

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif"})
IMAGE = "image"
LABEL = "label"
_THREADS, _AT_ONCE = 4, 8
"""How many images a thread decodes before it is given more: handing one over costs as much as
decoding a small one.
"""


class _First(NamedTuple):
    """What is known of every image."""

    shown: str
    """The image that it is known from."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of an image."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class ImageTable(Table):
    """`image`, and `label` or the columns of the table that names the files."""

    def __init__(
        self,
        name: str,
        source: images,
        found: list[Member],
        others: dict[str, Array],
        rows: Table | None,
        span: Span | None,
    ) -> None:
        wide = of_16_bits(found)
        fingerprint = fingerprint_of_members(found)
        if wide:  # which earlier versions read as 8 bits
            fingerprint = files.fingerprint_of_all([fingerprint, "uint16"])
        if rows is not None:
            fingerprint = files.fingerprint_of_all([fingerprint, rows.fingerprint])
        super().__init__(name, (IMAGE, *others), fingerprint, span)
        self._source = source
        self._members = found
        self._others = others
        self._rows = rows
        self.as_written = rows is not None and rows.as_written
        self._found: _First | None = None
        self._bits = 8
        self.places = np.arange(len(found))
        """Of each example its row in the table, where files that do not decode are left out."""
        if source.unreadable == "skip":
            self._leave_out()
        chosen = set(wide)
        wide = [one for one in self._members if one in chosen]
        if wide:
            self._bits, self._found = 16, None
        if 0 < len(wide) < self.count:
            self.warnings = (*self.warnings, mixed(wide, self.count, name, span))

    @property
    def bits(self) -> int:
        return self._bits

    @property
    def count(self) -> int:
        return len(self._members)

    @property
    def size_hint(self) -> int:
        return self.count * self._first.size

    @property
    def default_features(self) -> tuple[str, ...]:
        return (IMAGE,)

    @property
    def default_target(self) -> str | None:
        return LABEL if LABEL in self._others else None

    def read(self, name: str) -> Array:
        if name != IMAGE:
            return self._others[name]
        first = self._first
        files.believe(self.size_hint, self.size_hint, f"`{IMAGE}` of `{self.name}`")
        found = np.empty((self.count, *first.shape), first.dtype)
        for start, block in self._decoded(BLOCK):
            found[start : start + len(block)] = block
        return found

    def read_text(self, name: str) -> Array:
        if name == IMAGE or self._rows is None:
            return self.read(name)
        return self._rows.column(name, text=True)[self.places]

    def numbers(self, texts: Array) -> Numbers:
        return super().numbers(texts) if self._rows is None else self._rows.numbers(texts)

    def written_whole(self, name: str) -> Array:
        assert self._rows is not None, "only a table tells whole numbers from others"
        return self._rows.written_whole(name)[self.places]

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        return self.read_blocks_of(names, rows, ())

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        others = {name: self.column(name, text=name in texts) for name in names if name != IMAGE}
        blocks: Iterable[tuple[int, Any]]
        if IMAGE in names:
            blocks = self._decoded(fitting(rows, [self._first.size]))
        else:
            blocks = ((start, range(rows)) for start in range(0, self.count, rows))
        for start, block in blocks:
            yield {
                name: block if name == IMAGE else others[name][start : start + len(block)]
                for name in names
            }

    def place(self, name: str, index: tuple[int, ...]) -> str:
        if name != IMAGE and self._rows is not None:
            return self._rows.place(name, (int(self.places[index[0]]),))
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        return f"{self._members[index[0]].shown}{inner}"

    # Decoding -------------------------------------------------------------------------------------

    @property
    def _first(self) -> _First:
        """What every image must be like: the first one that can be read."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def _look(self) -> _First:
        for one in self._members:
            try:
                with _quiet():
                    found = self._picture(one)
                return _First(one.shown, found.shape, found.dtype)
            except (Fault, OSError):
                continue
        size = self._source.size or (1, 1)
        return _First("", (*size, CHANNELS[self._source.color_mode]), np.dtype(np.uint8))

    def _decoded(self, rows: int) -> Iterator[tuple[int, Array]]:
        """Blocks of images with the place of the first. Raises `DataError` with every image that
        cannot be taken.
        """
        findings = Findings()
        block: list[Array] = []
        start = 0
        for at, found in enumerate(self._each()):
            if isinstance(found, Fault):
                findings.extend([found.at(self.span)])
            if not findings.ok:
                block = []
                continue  # what is wrong with the others is reported too
            assert not isinstance(found, Fault)
            block.append(found)
            if len(block) == rows or at == self.count - 1:
                yield start, np.stack(block)
                start, block = at + 1, []
        findings.stop_if_wrong()

    def _each(self) -> Iterator[Array | Fault]:
        """Every image, or its fault, decoded a few at a time."""
        waiting = iter(self._members)
        with ThreadPoolExecutor(_THREADS) as pool:
            while some := list(islice(waiting, _AT_ONCE * _THREADS)):
                parts = [some[at : at + _AT_ONCE] for at in range(0, len(some), _AT_ONCE)]
                with _quiet():
                    found = list(pool.map(self._some, parts))
                for each in found:
                    yield from each

    def _some(self, members: list[Member]) -> list[Array | Fault]:
        return [self._one(one) for one in members]

    def _picture(self, member: Member) -> Array:
        """An image; one of 8 bits among those of 16 has the levels of these, as PNG defines it."""
        found = read_picture(member.path, member.shown, self._source)
        narrow = self.bits == 16 and found.dtype == np.uint8
        return found.astype(np.uint16) * np.uint16(257) if narrow else found

    def _one(self, member: Member) -> Array | Fault:
        try:
            found = self._picture(member)
        except Fault as fault:
            return fault
        except OSError as error:
            return files.cannot_read(member.shown, error)
        first = self._first
        if found.shape != first.shape:
            return Fault(
                "MS646",
                f"`{member.shown}` has {found.shape[1]} x {found.shape[0]} pixels, but "
                f"`{first.shown}` has {first.shape[1]} x {first.shape[0]}",
                help="give `images` a `size`, to which every image is brought",
            )
        return found

    def _leave_out(self) -> None:
        """Without the files that do not decode, and with a warning that counts them."""
        kept: list[int] = []
        bad: list[str] = []
        for place, found in enumerate(self._each()):
            if not isinstance(found, Fault):
                kept.append(place)
            elif found.code == "MS646":
                raise found
            else:
                bad.append(found.message)
        if not kept:
            raise Fault(
                "MS644",
                f"not one of the {len(self._members):,} files of {self.name} decodes",
                help=bad[0],
            )
        if bad:
            notes = tuple(Note(message) for message in bad[:MAX_OF_A_KIND])
            text = (
                f"{len(bad):,} of {len(self._members):,} files of {self.name} do not decode and are"
                " left out"
            )
            self.warnings = (*self.warnings, Diagnostic("MS644", "warning", text, self.span, notes))
        self.places = np.array(kept)
        self._members = [self._members[place] for place in kept]
        self._others = {name: values[self.places] for name, values in self._others.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warning of large images: these are faults, by `max_pixels`."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


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
            help=f"for a table that names images write `images: {{csv: {source.path}}}`",
        )
    found = members(source.path, root, ENDINGS)
    labels = (
        {}
        if found[0].label is None
        else {LABEL: np.array([one.label for one in found], dtype=object)}
    )
    return ImageTable(source.path, source, found, labels, None, span)


def _from_csv(source: images, path: str, context: Context, span: Span | None) -> ImageTable:
    from . import csv as delimited

    table = delimited.open_table(csv(path=path), context, span)
    column = source.column or table.names[0]
    others = {name: table.column(name) for name in table.names if name != column}
    if IMAGE in others:
        raise Fault(
            "MS604",
            f"`{path}` has a column `{IMAGE}` beside `{column}`, which names the images",
            help=f"rename it, or name the images by it: `column: {IMAGE}`",
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
    """The file that a cell names. Raises `Fault`: MS210 outside the root, MS601 where there is
    none.
    """
    try:
        path = (root / written).resolve()
    except (OSError, RuntimeError, ValueError):
        raise Fault("MS601", f"`{written}` is no path") from None
    if not path.is_relative_to(root.resolve()):
        raise Fault(
            "MS210", f"`{written}` leads out of the images' folder", help="name files below `root`"
        )
    if not written or not path.is_file():
        raise Fault("MS601", f"there is no image `{written}`", help=f"it would be {path}")
    return Member(written, path, None)

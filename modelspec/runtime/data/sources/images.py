"""`images`: image files, of class folders or of a table that names them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.catalog.sources.images import images
from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span
from modelspec.core.settings import Context

from ..errors import MAX_OF_A_KIND, Findings
from ..table import BLOCK, Array, Table
from .formats import files
from .formats.class_folders import Member, fingerprint_of_members, members
from .formats.image_decoder import CHANNELS, read_picture
from .formats.stored_arrays import fitting

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif"})
IMAGE = "image"
LABEL = "label"
_THREADS, _AT_ONCE = 4, 8
"""How many images a thread decodes before it is given more: handing one over costs as much as
decoding a small one.
"""


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
        fingerprint = fingerprint_of_members(found)
        if rows is not None:
            fingerprint = files.fingerprint_of_all([fingerprint, rows.fingerprint])
        super().__init__(name, (IMAGE, *others), fingerprint, span)
        self._source = source
        self._members = found
        self._others = others
        self._rows = rows
        self._shape = None if source.size is None else (*source.size, CHANNELS[source.color_mode])
        self.places = np.arange(len(found))
        """Of each example its row in the table, where files that do not decode are left out."""
        if source.unreadable == "skip":
            self._leave_out()

    @property
    def count(self) -> int:
        return len(self._members)

    @property
    def size_hint(self) -> int:
        return self.count * int(np.prod(self._first_shape()))

    @property
    def default_features(self) -> tuple[str, ...]:
        return (IMAGE,)

    @property
    def default_target(self) -> str | None:
        return LABEL if LABEL in self._others else None

    def read(self, name: str) -> Array:
        if name != IMAGE:
            return self._others[name]
        shape = self._first_shape()
        files.believe(self.size_hint, self.size_hint, f"`{IMAGE}` of `{self.name}`")
        found = np.empty((self.count, *shape), np.uint8)
        for start, block in self._decoded(BLOCK):
            found[start : start + len(block)] = block
        return found

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if IMAGE not in names:
            yield from super().read_blocks(names, rows)
            return
        for start, block in self._decoded(fitting(rows, [int(np.prod(self._first_shape()))])):
            yield {
                name: block if name == IMAGE else self._others[name][start : start + len(block)]
                for name in names
            }

    def place(self, name: str, index: tuple[int, ...]) -> str:
        if name != IMAGE and self._rows is not None:
            return self._rows.place(name, (int(self.places[index[0]]),))
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        return f"{self._members[index[0]].shown}{inner}"

    # Decoding -------------------------------------------------------------------------------------

    def _first_shape(self) -> tuple[int, ...]:
        """The shape of every image: as asked for, or that of the first one that can be read."""
        for one in self._members if self._shape is None else ():
            try:
                with _quiet():
                    self._shape = read_picture(one.path, one.shown, self._source).shape
                break
            except Fault:
                continue
        return self._shape or (1, 1, CHANNELS[self._source.color_mode])

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

    def _one(self, member: Member) -> Array | Fault:
        try:
            found = read_picture(member.path, member.shown, self._source)
        except Fault as fault:
            return fault
        except OSError as error:
            return files.cannot_read(member.shown, error)
        if found.shape != (wanted := self._first_shape()):
            return Fault(
                "MS646",
                f"`{member.shown}` has {found.shape[1]} x {found.shape[0]} pixels, but "
                f"`{self._members[0].shown}` has {wanted[1]} x {wanted[0]}",
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
    for index, written in enumerate(table.column(column).tolist()):
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

"""A source that is open: named columns that know the place of each value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelspec.core.diagnostics import Diagnostic, Fault, Span, listed, nearest

from .errors import DataError

if TYPE_CHECKING:
    from .cells import Numbers

Array = NDArray[Any]
BLOCK = 8192
"""How many examples `Table.blocks` gives at once."""
_NOTHING_BITS = np.uint64(0x7FF8_0000_0000_07A2)
NOTHING = float(_NOTHING_BITS.view(np.float64))
"""Stands in a column of float64 where the source has no value: a NaN of its own, told apart from
one that the data has as such by its bits, which copies, slices and stacks keep.
"""


class LeftOut(NamedTuple):
    """The rows of a source that `data.where` leaves out."""

    condition: str
    rows: int
    """All that the source has."""
    left_out: int
    """How many it leaves out."""


class Table(ABC):
    """Columns by name, each an array whose first axis counts the examples.

    A kind of source is a subclass. Columns are read when they are asked for, so that what is wrong
    with one that nothing uses hurts nobody. A column of numbers has a number dtype; a text column
    is an array of `str`, in which `""` stands for nothing; images are `uint8` or `uint16` of shape
    [examples, height, width, channels]; lists of different lengths are an array of arrays. Where a
    column of numbers lacks some, it has `NOTHING`, and `missing` tells where.
    """

    marks: bool = False
    """Whether its source can say what stands for no value (`missing_values`)."""
    as_written: bool = False
    """Whether its cells are text, of which a feature says whether they are numbers."""
    decimal: str = "."
    """What precedes the fraction of its numbers, where they are text."""
    thousands: str | None = None
    """What separates groups of three digits in them; None: nothing."""

    left_out: LeftOut | None = None
    """What `where` leaves out of the source; None: nothing, as there is no condition."""

    def __init__(
        self, name: str, names: tuple[str, ...], fingerprint: str, span: Span | None
    ) -> None:
        self.name = name
        """What messages call it: `penguins.csv`."""
        self.names = names
        self.fingerprint = fingerprint
        """SHA-256 of what was read, or of the names, sizes and contents of the files."""
        self.span = span
        """Where the spec names the source."""
        self.source_places: Array | None = None
        """Of each example its place in the source, where some that cannot be read are left out."""
        self.origin: Path | None = None
        """The folder of the file that it was read from, where it is one."""
        self.kept: object = None
        """What has to live as long as the table: a temporary folder."""
        self.settings: Mapping[str, Any] = {}
        """What else than the files says what is read of them, where it is not the default."""
        self.warnings: tuple[Diagnostic, ...] = ()
        """What opening it found that does not hinder anything."""
        self._known = frozenset(names)
        self._read: dict[tuple[str, bool], Array] = {}

    @property
    def bits(self) -> int | None:
        """Of each channel of image files; None where there are none."""
        return None

    def bits_of(self, name: str) -> int | None:
        """The same of one column."""
        return self.bits

    @property
    def file_names(self) -> Sequence[str] | None:
        """The file of each example, where an example is a file."""
        return None

    @property
    def default_features(self) -> tuple[str, ...] | None:
        """The columns that feed a single input which names none; None: every column that is no
        target.
        """
        return None

    @property
    def default_target(self) -> str | None:
        """The column that a single output is trained on where the spec names none."""
        return None

    @property
    def count(self) -> int | None:
        """How many examples there are, where that is known without reading them; arrays of
        different lengths have no common count.
        """
        return None

    def in_file(self, rows: Array | None) -> Array | None:
        """The places of rows among all that the source has; None: all in their own place."""
        return rows

    @property
    def size_hint(self) -> int | None:
        """About how many bytes the columns take when they are all read as a whole; None where that
        is not known.
        """
        return None

    def missing(self, name: str, span: Span | None = None) -> Array | None:
        """Which examples have no value in a column, as [examples] of `bool`; None where all have
        one.

        A text column has `""` there, a column of numbers `NOTHING`: see `is_nothing`, which tells
        the same of a block.
        """
        found = is_nothing(self.column(name, span))
        return found if found.any() else None

    def blocks(
        self, names: Sequence[str], rows: int = BLOCK, texts: Collection[str] = ()
    ) -> Iterator[dict[str, Array]]:
        """Consecutive examples of some columns, in the source's order: one pass, at most `rows` at
        a time. `texts` names those that are read as their cells are written, where these are text.

        Every block of a column has one dtype, and the arrays of a block one length. Kinds of
        sources that may be larger than memory read no more than a few blocks at once. Raises
        `DataError` as `column` does.
        """
        for name in names:
            if name not in self:
                raise DataError([self.unknown(name).at(self.span)])
        try:
            yield from self.read_blocks_of(names, rows, texts)
        except Fault as fault:
            raise fail(fault, self.span) from None

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        """Blocks of columns that the table has. Raises `Fault` or `DataError`."""
        columns = {name: self.column(name) for name in names}
        check_lengths({name: len(values) for name, values in columns.items()}, self)
        count = len(next(iter(columns.values()), ()))
        for start in range(0, count, rows):
            yield {name: values[start : start + rows] for name, values in columns.items()}

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        """The same with some columns as their cells are written; a table of which no feature says
        what a column is has nothing to do for that.
        """
        yield from self.read_blocks(names, rows)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def column(self, name: str, span: Span | None = None, *, text: bool = False) -> Array:
        """A column; with `text` as its cells are written, where these are text. Raises `DataError`,
        at `span`, where there is none of this name or it cannot be read.
        """
        key = name, text and self.as_written
        if key not in self._read:
            if name not in self:
                raise DataError([self.unknown(name).at(span or self.span)])
            try:
                self._read[key] = self.read_text(name) if key[1] else self.read(name)
            except Fault as fault:
                raise DataError([fault.at(span or self.span)]) from None
        return self._read[key]

    @abstractmethod
    def read(self, name: str) -> Array:
        """Reads a column that the table has. Raises `Fault`."""

    def read_text(self, name: str) -> Array:
        """The same as its cells are written. Raises `Fault`."""
        return self.read(name)

    def numbers(self, texts: Array) -> Numbers:
        """Texts of a column as numbers, as the source writes them."""
        from .cells import plain_numbers  # which needs this module

        return plain_numbers(texts)

    def number_help(self, cells: Sequence[str]) -> str | None:
        """What to do about cells that are no numbers; None where they do not show it."""
        from .number_help import number_help  # which needs `cells`, and that this module

        return number_help(cells)

    def tells_whole(self, name: str) -> bool:
        """Whether the source tells whole numbers from others in a column of floating-point ones."""
        return self.as_written

    def written_whole(self, name: str) -> Array:
        """Where such a column has a whole number, as an array of `bool` of its shape."""
        return np.zeros(0, bool)

    @abstractmethod
    def place(self, name: str, index: tuple[int, ...]) -> str:
        """The place of an entry of a column, as a person finds it: `penguins.csv:7`, `x[7, 2] of
        mnist.npz`.
        """

    def unknown(self, name: str) -> Fault:
        """MS607: a column that the table does not have."""
        near = nearest(name, self.names)
        some = list(self.names[:12])
        more = f" and {len(self.names) - 12} more" if len(self.names) > 12 else ""
        return Fault(
            "MS607",
            f"{self.name} has no column `{name}`",
            suggestion=near,
            help=(
                f"did you mean `{near}`?"
                if near
                else f"it has {listed(some, ',' if more else 'and')}{more}"
            ),
        )


def is_nothing(values: Array) -> Array:
    """Where a column, or a part of one, has no value, as an array of `bool` of the same shape."""
    if values.dtype == np.float64:
        found: Array = values.view(np.uint64) == _NOTHING_BITS
        return found
    if values.dtype.kind == "O" and (
        values.ndim != 1 or not isinstance(next(iter(values), ""), str)
    ):
        return np.zeros(values.shape, bool)  # lists of different lengths
    return values == "" if values.dtype.kind in "OU" else np.zeros(values.shape, bool)


def fail(fault: Fault, span: Span | None) -> DataError:
    """The fault as an error at a place."""
    found: Diagnostic = fault.at(span)
    return DataError([found])


def check_lengths(lengths: dict[str, int], table: Table) -> None:
    """Raises `DataError` (MS611) where columns that are read side by side do not have one
    length.
    """
    if len(set(lengths.values())) <= 1:
        return
    counts = [f"`{name}` has {count:,}" for name, count in lengths.items()]
    raise fail(
        Fault(
            "MS611",
            f"the arrays of {table.name} do not have the same number of examples: "
            f"{', '.join(counts[:-1])} and {counts[-1]}",
            help="the first axis of every array counts the examples",
        ),
        table.span,
    )

"""An open source: named columns with the place of each value."""

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
"""The number of examples that `Table.blocks` yields at once."""
_NOTHING_BITS = np.uint64(0x7FF8_0000_0000_07A2)
NOTHING = float(_NOTHING_BITS.view(np.float64))
"""A missing value in a column of float64: a NaN with a special bit pattern that distinguishes it
from a NaN in the data. Copies, slices and stacks keep the bits.
"""


class LeftOut(NamedTuple):
    """The rows of a source that `data.where` leaves out."""

    condition: str
    rows: int
    """All rows of the source."""
    left_out: int
    """The number of rows left out."""


class Table(ABC):
    """Columns by name, each an array whose first axis counts the examples.

    A kind of source is a subclass. Columns are read when they are used, so a problem in an unused
    column is not an error. A column of numbers has a number dtype; a column of strings is an array
    of `str`, in which `""` is a missing value; images are `uint8` or `uint16` of shape [examples,
    height, width, channels]; lists of different lengths are an array of arrays. A column of numbers
    has `NOTHING` for missing values, and `missing` marks them.
    """

    marks: bool = False
    """Whether its source has a setting for the spelling of missing values (`missing_values`)."""
    as_written: bool = False
    """Whether its cells are text, which a feature reads as strings or numbers."""
    decimal: str = "."
    """The decimal separator of its numbers, if they are text."""
    thousands: str | None = None
    """Their thousands separator; None: no separator."""

    left_out: LeftOut | None = None
    """The rows that `where` leaves out of the source; None without a condition."""

    def __init__(
        self, name: str, names: tuple[str, ...], fingerprint: str, span: Span | None
    ) -> None:
        self.name = name
        """Its name in messages: `penguins.csv`."""
        self.names = names
        self.fingerprint = fingerprint
        """SHA-256 of the data that were read, or of the names, sizes and contents of the files."""
        self.span = span
        """Where the spec names the source."""
        self.source_places: Array | None = None
        """The position of each example in the source, if unreadable ones are left out."""
        self.origin: Path | None = None
        """The folder of the file that it was read from, if it is one file."""
        self.kept: object = None
        """An object with the lifetime of the table: a temporary folder."""
        self.settings: Mapping[str, Any] = {}
        """The settings, apart from the files, that change the contents, if they are not the
        defaults.
        """
        self.warnings: tuple[Diagnostic, ...] = ()
        """Findings from opening it that do not prevent its use."""
        self._known = frozenset(names)
        self._read: dict[tuple[str, bool], Array] = {}

    @property
    def bits(self) -> int | None:
        """Bits per channel of image files; None without image files."""
        return None

    def bits_of(self, name: str) -> int | None:
        """The same for one column."""
        return self.bits

    @property
    def file_names(self) -> Sequence[str] | None:
        """The file of each example, if an example is a file."""
        return None

    @property
    def default_features(self) -> tuple[str, ...] | None:
        """The columns for a single input that names none; None: every column that is not a
        target.
        """
        return None

    @property
    def default_target(self) -> str | None:
        """The column for the target of a single output if the spec names none."""
        return None

    @property
    def count(self) -> int | None:
        """The number of examples, if it is known without reading them; arrays of different lengths
        have no common count.
        """
        return None

    def in_file(self, rows: Array | None) -> Array | None:
        """The positions of rows among all rows of the source; None: in their original order."""
        return rows

    @property
    def size_hint(self) -> int | None:
        """The approximate bytes of the columns if they are all read as a whole; None if that is
        unknown.
        """
        return None

    def missing(self, name: str, span: Span | None = None) -> Array | None:
        """Which examples have a missing value in a column, as [examples] of `bool`; None if none
        has.

        A column of strings has `""` there, a column of numbers `NOTHING`: see `is_nothing`, which
        checks a block.
        """
        found = is_nothing(self.column(name, span))
        return found if found.any() else None

    def blocks(
        self, names: Sequence[str], rows: int = BLOCK, texts: Collection[str] = ()
    ) -> Iterator[dict[str, Array]]:
        """Consecutive examples of some columns, in the source's order: one pass, at most `rows` at
        a time. `texts` names the columns that are read as strings, if the cells are text.

        Every block of a column has the same dtype, and the arrays of a block the same length. Kinds
        of sources that may be larger than memory read no more than a few blocks at once. Raises
        `DataError` like `column`.
        """
        for name in names:
            if name not in self:
                raise DataError([self.unknown(name).at(self.span)])
        try:
            yield from self.read_blocks_of(names, rows, texts)
        except Fault as fault:
            raise fail(fault, self.span) from None

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        """Blocks of existing columns. Raises `Fault` or `DataError`."""
        columns = {name: self.column(name) for name in names}
        check_lengths({name: len(values) for name, values in columns.items()}, self)
        count = len(next(iter(columns.values()), ()))
        for start in range(0, count, rows):
            yield {name: values[start : start + rows] for name, values in columns.items()}

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        """The same with some columns as strings; a table in which the type of a column does not
        depend on a feature ignores this.
        """
        yield from self.read_blocks(names, rows)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def column(self, name: str, span: Span | None = None, *, text: bool = False) -> Array:
        """A column; with `text` as strings, if the cells are text. Raises `DataError`, at `span`,
        if it does not exist or cannot be read.
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
        """Reads an existing column. Raises `Fault`."""

    def read_text(self, name: str) -> Array:
        """The same as strings. Raises `Fault`."""
        return self.read(name)

    def numbers(self, texts: Array) -> Numbers:
        """The strings of a column as numbers, in the source's format."""
        from .cells import plain_numbers  # it imports this module

        return plain_numbers(texts)

    def number_help(self, cells: Sequence[str]) -> str | None:
        """The fix for cells that are not numbers; None if it cannot be inferred from them."""
        from .number_help import number_help  # it imports `cells`, which imports this module

        return number_help(cells)

    def tells_whole(self, name: str) -> bool:
        """Whether the source distinguishes integers from others in a column of floating-point
        numbers.
        """
        return self.as_written

    def written_whole(self, name: str) -> Array:
        """Which values of such a column are integers, as an array of `bool` of its shape."""
        return np.zeros(0, bool)

    @abstractmethod
    def place(self, name: str, index: tuple[int, ...]) -> str:
        """The place of an entry of a column, for people: `penguins.csv:7`, `x[7, 2] of
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
    """Which values of a column, or of a part of it, are missing, as an array of `bool` of its
    shape.
    """
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
    """Raises `DataError` (MS611) if columns that are read side by side have different lengths."""
    if len(set(lengths.values())) <= 1:
        return
    counts = [f"`{name}` has {count:,}" for name, count in lengths.items()]
    raise fail(
        Fault(
            "MS611",
            f"the arrays of {table.name} have different numbers of examples: "
            f"{', '.join(counts[:-1])} and {counts[-1]}",
            help="the first axis of every array must have the same size",
        ),
        table.span,
    )

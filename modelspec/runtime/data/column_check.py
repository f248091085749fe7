"""The errors of a column: text where numbers are expected, missing values, values that are not
finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span

from .cells import Numbers, inexact, reads_as_number, ready
from .columns import Bound
from .date_cells import no_dates
from .errors import MAX_OF_A_KIND
from .table import Array, Table, is_nothing
from .wanted import Wanted
from .written_numbers import number_setting, read_numbers

_SHOWN = 100
"""The number of invalid values that are examined to suggest a fix."""
_NUMBERS = "biuf"
"""NumPy's letters for boolean, integer and floating-point dtypes."""


@dataclass
class Found:
    """One kind of finding: the count, the first places, and the first values."""

    count: int = 0
    first: list[tuple[int, ...]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    every: list[tuple[tuple[int, ...], Any]] | None = None
    """Every place with its value, where unreadable rows are skipped; None: not collected."""

    @property
    def value(self) -> Any:
        """The first value."""
        return self.values[0] if self.values else None

    def add(self, bad: Array, values: Array, start: int) -> None:
        count = int(np.count_nonzero(bad))
        if not count:
            return
        if len(self.values) < _SHOWN:
            self.values += list(values[bad].flat[: _SHOWN - len(self.values)])
        self.count += count
        if self.every is not None:
            found = ((tuple(map(int, at)), values[tuple(at)]) for at in np.argwhere(bad))
            self.every += [((start + at[0], *at[1:]), value) for at, value in found]
        for index in np.argwhere(bad)[: MAX_OF_A_KIND - len(self.first)]:
            self.first.append((start + int(index[0]), *(int(i) for i in index[1:])))


class ColumnCheck:
    """Checks one column, block by block; `column_report` reports its errors."""

    def __init__(
        self,
        table: Table,
        name: str,
        wanted: Wanted,
        span: Span | None,
        policy: Any,
        bound: Bound | None = None,
    ) -> None:
        self.table, self.name, self.wanted, self.span = table, name, wanted, span
        self.policy = policy
        self.bound = bound
        """The feature that the column feeds; None for a column that feeds no feature."""
        self.written = bound.number_format if bound is not None else None
        self.kind: str | None = None
        """NumPy's letter for the dtype."""
        self.shape: tuple[int, ...] = ()
        """The shape of one example."""
        self.rows = 0
        self.dtype: Any = None
        self.lacking, self.text_cells, self.nan, self.infinite = (
            Found(),
            Found(),
            Found(),
            Found(),
        )
        self.fractions, self.lost, self.inexact = Found(), Found(), Found()
        self.no_dates = Found()
        self._whole: Array | None = None
        """Where numbers of the column are written as integers; None: not known yet."""

    @property
    def text(self) -> bool:
        """Whether the column is read as text."""
        return self.wanted.text if self.wanted.text is not None else (self.kind or "f") in "OUS"

    def add(self, start: int, values: Array, filled: Array | None = None) -> Array | None:
        """Checks a block; returns which of its examples lack a value, None where none does.
        Entries that `pad` has `filled` are not missing.
        """
        self.kind, self.shape, self.dtype = values.dtype.kind, values.shape[1:], values.dtype
        self.rows += len(values)
        if not self.takes(values.dtype.kind):
            if values.dtype.kind in "US" and not self.text_cells.count:
                self.text_cells.add(_not_numbers(values), values, start)
            return None
        missing = self._add_text(start, values) if self.text else self._add_numbers(start, values)
        if missing is not None and filled is not None:
            missing = missing & ~filled
        if missing is None or not missing.any():
            return None
        self.lacking.add(missing, values, start)
        found: Array = np.any(missing.reshape(len(values), -1), axis=1)
        return found

    def numbers(self, values: Array) -> Numbers:
        """Strings as numbers, in the format that the feature sets, or else the source."""
        return read_numbers(self.written, self.table, values)

    def number_help(self, cells: Sequence[str]) -> str | None:
        """How to fix cells that are not numbers; None where the fix is not known."""
        found = self.table.number_help(cells)
        if self.bound is None or self.bound.separator is not None:
            return found
        setting = number_setting(cells, self.table, dict(self._format))
        if setting is not None and setting.percent and self._has_numbers:
            return found  # a cell without a sign may or may not be a percentage
        if setting is None or (found is not None and self.table.as_written and setting.of_source):
            return found
        return f"set the number format: `{setting.text}`"

    @property
    def _has_numbers(self) -> bool:
        """Whether some cells are numbers in the default format."""
        return self.text_cells.count + self.lacking.count < self.rows

    @property
    def _format(self) -> Mapping[str, Any]:
        """The settings of the number format that the feature sets."""
        return self.written.model_dump(exclude_defaults=True) if self.written is not None else {}

    def takes(self, kind: str) -> bool:
        """Whether the feature accepts values of a dtype with this letter."""
        return kind in "OUS" if self.text else kind in (*_NUMBERS, "O")

    def _add_text(self, start: int, values: Array) -> Array | None:
        if self.wanted.dates:
            texts = ready(values, True).values
            self.no_dates.add(no_dates(texts), texts, start)
        return ready(values, True).missing

    def _add_numbers(self, start: int, values: Array) -> Array | None:
        """Raises `Fault` (MS672) for a numeric column whose feature sets a number format."""
        if values.dtype.kind == "O":
            found = self.numbers(values)
            self.text_cells.add(found.bad, values, start)
            self.lost.add(found.lost, values, start)
            self._add_values(start, found.values, found)
            self.infinite.add(np.isinf(found.values), found.values, start)
            return found.missing
        if self.written is not None:
            raise Fault(
                "MS672",
                f"`{self.name}` of {self.table.name} contains numbers ({values.dtype}), but"
                " `number` sets the format of numbers in text",
                help="remove `number`",
            )
        self._add_values(start, values, None)
        if values.dtype.kind != "f" or np.isfinite(values).all():
            return None
        nothing = is_nothing(values)
        nan = np.isnan(values) & ~nothing
        self.infinite.add(np.isinf(values), values, start)
        if self.policy != "error":
            return nothing | nan
        self.nan.add(nan, values, start)
        return nothing

    def _add_values(self, start: int, values: Array, read: Numbers | None) -> None:
        """Finds numbers that the feature does not accept; `read` tells which are integers."""
        if values.dtype.kind == "f" and self.wanted.whole is not None:
            self.fractions.add(np.isfinite(values) & (values != np.floor(values)), values, start)
        exact = self.wanted.exact
        if exact is None:
            return
        if values.dtype.kind == "f" and not (exact.all_whole or self._tells(read)):
            return
        bad = inexact(values, exact.bits)
        if bad is None:
            return
        if values.dtype.kind == "f" and not exact.all_whole:
            bad = bad & (read.whole if read is not None else self._written_whole(start, values))
        self.inexact.add(bad, values, start)

    def _tells(self, read: Numbers | None) -> bool:
        """Whether it is known which floating-point numbers are written as integers."""
        return read is not None or self.table.tells_whole(self.name)

    def _written_whole(self, start: int, values: Array) -> Array:
        if self._whole is None:
            self._whole = self.table.written_whole(self.name)
        found = self._whole[start : start + len(values)]
        return found if found.shape == values.shape else np.zeros(values.shape, bool)


def _not_numbers(values: Array) -> Array:
    """Which strings are not numbers; the first string where all are numbers."""
    texts = [decoded(cell) for cell in values.flat]
    found: Array = np.array([not reads_as_number(text) for text in texts]).reshape(values.shape)
    if not found.any() and found.size:
        found.flat[0] = True
    return found


def decoded(cell: Any) -> str:
    """A string that may be stored as bytes."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)

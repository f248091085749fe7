"""What is wrong with a column: text where numbers are taken, missing values, values that are not
finite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Span

from .cells import Numbers, inexact, reads_as_number, ready
from .errors import MAX_OF_A_KIND
from .table import Array, Table, is_nothing
from .wanted import Wanted

_SHOWN = 100
"""How many values that are at fault are looked at for what to do about them."""
_NUMBERS = "biuf"
"""NumPy's letters for bool, whole and floating-point dtypes."""


@dataclass
class Found:
    """Where something was found: how often, the first places, and the first values."""

    count: int = 0
    first: list[tuple[int, ...]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """The first one."""
        return self.values[0] if self.values else None

    def add(self, bad: Array, values: Array, start: int) -> None:
        count = int(np.count_nonzero(bad))
        if not count:
            return
        if len(self.values) < _SHOWN:
            self.values += list(values[bad].flat[: _SHOWN - len(self.values)])
        self.count += count
        for index in np.argwhere(bad)[: MAX_OF_A_KIND - len(self.first)]:
            self.first.append((start + int(index[0]), *(int(i) for i in index[1:])))


class ColumnCheck:
    """Looks through one column, block by block; `column_report` says what is wrong with it."""

    def __init__(
        self, table: Table, name: str, wanted: Wanted, span: Span | None, policy: Any
    ) -> None:
        self.table, self.name, self.wanted, self.span = table, name, wanted, span
        self.policy = policy
        self.kind: str | None = None
        """NumPy's letter for the dtype."""
        self.shape: tuple[int, ...] = ()
        """Of one example."""
        self.rows = 0
        self.dtype: Any = None
        self.lacking, self.text_cells, self.nan, self.infinite = (
            Found(),
            Found(),
            Found(),
            Found(),
        )
        self.fractions, self.lost, self.inexact = Found(), Found(), Found()
        self._whole: Array | None = None
        """Where the column has whole numbers as they are written; None: not known yet."""

    @property
    def text(self) -> bool:
        """Whether the column is taken as text."""
        return self.wanted.text if self.wanted.text is not None else (self.kind or "f") in "OUS"

    def add(self, start: int, values: Array, filled: Array | None = None) -> Array | None:
        """Looks at a block; which of its examples lack a value, None where none does. What is
        `filled` up by `pad` lacks none.
        """
        self.kind, self.shape, self.dtype = values.dtype.kind, values.shape[1:], values.dtype
        self.rows += len(values)
        if not self.takes(values.dtype.kind):
            if values.dtype.kind in "US" and not self.text_cells.count:
                self.text_cells.add(_no_numbers(values), values, start)
            return None
        missing = self._add_text(start, values) if self.text else self._add_numbers(start, values)
        if missing is not None and filled is not None:
            missing = missing & ~filled
        if missing is None or not missing.any():
            return None
        self.lacking.add(missing, values, start)
        found: Array = np.any(missing.reshape(len(values), -1), axis=1)
        return found

    def takes(self, kind: str) -> bool:
        """Whether the feature takes values of a dtype with this letter."""
        return kind in "OUS" if self.text else kind in (*_NUMBERS, "O")

    def _add_text(self, start: int, values: Array) -> Array | None:
        return ready(values, True).missing

    def _add_numbers(self, start: int, values: Array) -> Array | None:
        if values.dtype.kind == "O":
            found = self.table.numbers(values)
            self.text_cells.add(found.bad, values, start)
            self.lost.add(found.lost, values, start)
            self._add_values(start, found.values, found)
            self.infinite.add(np.isinf(found.values), found.values, start)
            return found.missing
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
        """Looks for numbers that the feature does not take; `read` says how they are written."""
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
        """Whether it can be known which floating-point numbers are written as whole ones."""
        return read is not None or self.table.tells_whole(self.name)

    def _written_whole(self, start: int, values: Array) -> Array:
        if self._whole is None:
            self._whole = self.table.written_whole(self.name)
        found = self._whole[start : start + len(values)]
        return found if found.shape == values.shape else np.zeros(values.shape, bool)


def _no_numbers(values: Array) -> Array:
    """Which texts are no numbers; the first one where all are."""
    texts = [decoded(cell) for cell in values.flat]
    found: Array = np.array([not reads_as_number(text) for text in texts]).reshape(values.shape)
    if not found.any() and found.size:
        found.flat[0] = True
    return found


def decoded(cell: Any) -> str:
    """A text that may be stored as bytes."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)

"""A table with columns that are computed from earlier rows: `Lags` and `RollingMean`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from modelspec.catalog.layers.past_rows import PastStep
from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.past_columns import PastColumn, past_columns
from modelspec.core.diagnostics import Fault, Span

from .cells import Numbers
from .errors import DataError, Findings
from .series import Series
from .table import NOTHING, Array, Table


def past_columns_of(data: DataSection) -> dict[str, PastColumn]:
    """The columns that the features of a spec read instead of those of the source."""
    features = (data.inputs or {}).values()
    return {name: one for feature in features for name, one in past_columns(feature).items()}


def with_past(
    table: Table, data: DataSection, series: Callable[[], Series], findings: Findings
) -> Table:
    """The table with the columns of earlier rows that a spec uses; the table itself if it uses
    none. Raises `DataError` if they cannot be computed.
    """
    columns = past_columns_of(data)
    if not columns:
        return table
    found = PastTable(table, columns, series())
    found.check(data, findings)
    findings.stop_if_wrong()
    return found


class PastTable(Table):
    """A table, and columns of float64 that are computed from its own columns. They are kept in
    memory.
    """

    def __init__(self, base: Table, columns: Mapping[str, PastColumn], series: Series) -> None:
        super().__init__(base.name, base.names, base.fingerprint, base.span)
        self._base = base
        self._made = columns
        self._series = series
        self._known = frozenset((*base.names, *columns))

    def __getattribute__(self, name: str) -> Any:
        """All facts about the source are those of the underlying table."""
        if name.startswith("_") or name in _OWN:
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "_base"), name)

    def column(self, name: str, span: Span | None = None, *, text: bool = False) -> Array:
        if name in self._made:
            return super().column(name, span)
        return self._base.column(name, span, text=text)

    def missing(self, name: str, span: Span | None = None) -> Array | None:
        return super().missing(name, span) if name in self._made else self._base.missing(name, span)

    def read(self, name: str) -> Array:
        made = self._made[name]
        values = self._numbers(made.base)[self._series.rows]
        for step in made.steps:
            values = _STEPS[step.what](values, step, self._series)
        found = np.empty(len(values))
        found[self._series.rows] = values
        return found

    def check(self, data: DataSection, findings: Findings) -> None:
        """MS664, or any other problem, for every source column that these are computed from."""
        places = dict.fromkeys(
            (one.base, data.spans.get(("inputs", name, one.base)))
            for name, feature in (data.inputs or {}).items()
            for one in past_columns(feature).values()
        )
        for base, span in places:
            try:
                self._base.column(base, span)
                self._numbers(base)
            except DataError as error:
                findings.extend(error.diagnostics)
            except Fault as fault:
                findings.report(fault, span or self.span)

    def _numbers(self, name: str) -> Array:
        """A column of the source as float64, NaN for missing values. Raises `Fault`."""
        values = self._base.column(name)
        bad = np.zeros(0, bool)
        if values.ndim == 1 and values.dtype.kind in "OU":
            if len(values) and not isinstance(values[0], str):
                raise self._no_numbers(name)
            found = self._base.numbers(values)
            values, bad = found.values, found.bad
        if bad.any():
            row = int(np.argmax(bad))
            raise self._no_numbers(name, f": {self._base.place(name, (row,))} is not a number")
        if values.ndim != 1 or values.dtype.kind not in "biuf":
            raise self._no_numbers(name)
        return values.astype(np.float64)

    def _no_numbers(self, name: str, why: str = "") -> Fault:
        return Fault(
            "MS664",
            f"`{name}` of {self.name} does not have one number per row, which `Lags` and"
            f" `RollingMean` require{why}",
            help="name a numeric column",
        )

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        below = [name for name in names if name not in self._made]
        made = {name: self.column(name) for name in names if name in self._made}
        start = 0
        for block in self._base.blocks(below, rows, texts) if below else self._sizes(made, rows):
            size = len(next(iter(block.values())))
            block |= {name: values[start : start + size] for name, values in made.items()}
            yield {name: block[name] for name in names}
            start += size

    @staticmethod
    def _sizes(made: Mapping[str, Array], rows: int) -> Iterator[dict[str, Array]]:
        name, values = next(iter(made.items()))
        for start in range(0, len(values), rows):
            yield {name: values[start : start + rows]}

    def numbers(self, texts: Array) -> Numbers:
        return self._base.numbers(texts)

    def tells_whole(self, name: str) -> bool:
        return name not in self._made and self._base.tells_whole(name)

    def written_whole(self, name: str) -> Array:
        return self._base.written_whole(name)

    def place(self, name: str, index: tuple[int, ...]) -> str:
        made = self._made.get(name)
        return self._base.place(made.base if made is not None else name, index)


_OWN = frozenset(vars(PastTable)) | {"blocks"}
"""The attributes of the table itself. All others, such as settings, warnings and the number of
rows, are those of the underlying table.
"""


# Steps --------------------------------------------------------------------------------------------


def _lag(values: Array, step: PastStep, series: Series) -> Array:
    """The value that many rows earlier in the same segment."""
    before = np.arange(len(values)) - step.rows
    found = values[np.maximum(before, 0)]
    return np.where(before >= series.begins, found, NOTHING)


def _mean(values: Array, step: PastStep, series: Series) -> Array:
    """The trailing mean of so many values. A sum of twice as many values is the sum of two sums,
    so sums of long ranges are as exact as sums of pairs.
    """
    total, reach, sums, length = np.zeros_like(values), 0, values, 1
    count = step.rows
    with np.errstate(invalid="ignore"):  # infinite numbers are reported with the column
        while True:
            if count & length:
                total = total + _back(sums, reach)
                reach += length
            if reach == count:
                break
            sums = sums + _back(sums, length)
            length *= 2
        found = total / count
    there = np.arange(len(values)) - (count - 1) >= series.begins
    return np.where(there & ~np.isnan(found), found, NOTHING)


def _back(values: Array, places: int) -> Array:
    """Each value moved that many rows later; the values before the first row are undefined."""
    if not places:
        return values
    found = np.zeros_like(values)
    found[places:] = values[:-places]
    return found


_STEPS: Mapping[str, Callable[[Array, PastStep, Series], Array]] = {"lag": _lag, "mean": _mean}

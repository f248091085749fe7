"""`data.expect`: conditions on the columns of a source, checked when they are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_expect import Expected
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.core.diagnostics import Span, nearest

from .column_check import Found
from .columns import Binding, Bound
from .conform import number
from .errors import Findings
from .sequences import is_ragged
from .spec_facts import section
from .table import Array, Table
from .written_numbers import read_numbers

if TYPE_CHECKING:
    from .scanned_feature import ScannedFeature
    from .skipped_rows import SkippedRows


class RangeCheck:
    """Checks that the numbers of a column are in the expected range. Ignores missing values."""

    def __init__(
        self,
        table: Table,
        name: str,
        expected: Expected,
        span: Span | None,
        written: NumberFormat | None,
    ) -> None:
        self.table, self.name, self.expected, self.span = table, name, expected, span
        self._written = written
        self._found = Found()
        self._not_numbers = Found()
        self._rows: list[Array] = []

    def add(self, block: Mapping[str, Array], start: int) -> None:
        """Checks a block of the source."""
        values = block[self.name]
        if is_ragged(values):
            for row, one in enumerate(values):
                self._add(np.asarray(one)[None], start + row)
        else:
            self._add(values, start)

    def _add(self, values: Array, start: int) -> None:
        numbers = values
        if values.dtype.kind in "OUS":
            read = read_numbers(self._written, self.table, values)
            self._not_numbers.add(read.bad, values, start)
            numbers = read.values
        if numbers.dtype.kind not in "biuf":
            return
        bad = np.zeros(numbers.shape, bool)
        if self.expected.min is not None:
            bad |= numbers < self.expected.min
        if self.expected.max is not None:
            bad |= numbers > self.expected.max
        self._found.add(bad, values, start)
        self._rows.append(start + np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1)))

    def leave_out(self, skipped: SkippedRows, rows: Array) -> Array:
        """The `rows` without those that are out of range, which are added to `skipped`."""
        bad = np.intersect1d(np.concatenate([np.zeros(0, np.int64), *self._rows]), rows)
        origin = self.table.source_places
        for row in bad:
            place = self.table.place(self.name, (int(row),))
            number = int(row if origin is None else origin[row]) + 1
            skipped.add(number, place, f"`{self.name}` is not {self._wanted()} at {place}")
        self._found = Found()
        return rows[~np.isin(rows, bad)]

    def report(self, findings: Findings) -> None:
        """MS671 for the first value that is out of range, with the number of others; MS609 where
        the column contains text.
        """
        for found, say in ((self._not_numbers, self._of_text), (self._found, self._of_range)):
            if found.count:
                place = self.table.place(self.name, found.first[0])
                say(_shown(found.value), place, _more(found.count), findings)
                return

    def _of_text(self, value: str, place: str, more: str, findings: Findings) -> None:
        findings.error(
            "MS609",
            f"`{self.name}` is {value} at {place}{more}, but `expect` requires numbers",
            self.span,
            help="remove `min` and `max` for a column of text",
        )

    def _of_range(self, value: str, place: str, more: str, findings: Findings) -> None:
        findings.error(
            "MS671",
            f"`{self.name}` is {value} at {place}{more}, but `expect` requires {self._wanted()}",
            self.span,
            help="correct the rows, leave them out with `where`, or change `expect`",
        )

    def _wanted(self) -> str:
        low, high = self.expected.min, self.expected.max
        if low is None or high is None:
            return f"at most {high:g}" if low is None else f"at least {low:g}"
        return f"{low:g} to {high:g}"


def range_checks(
    compiled: Compiled, binding: Binding, table: Table, *, every: bool
) -> tuple[RangeCheck, ...]:
    """The checks of the columns for which `expect` sets a range; with `every`, including columns
    that the table lacks, which is then an error.
    """
    data = section(compiled)
    written = {
        name: bound.number_format for bound in binding.features.values() for name in bound.names
    }
    return tuple(
        RangeCheck(table, name, one, data.spans.get(("expect", name)), written.get(name))
        for name, one in data.expect.items()
        if one.has_range and (every or name in table)
    )


def known_columns(compiled: Compiled, bound: Bound) -> dict[str, Span | None]:
    """The columns of a feature whose values must be known, with the places that set this."""
    data = section(compiled)
    return {
        name: data.spans.get(("expect", name))
        for name in bound.names
        if name in data.expect and data.expect[name].known
    }


def check_known(
    values: Array,
    rows: Array,
    feature: ScannedFeature,
    layer: Layer | None,
    table: Table,
    findings: Findings,
) -> bool:
    """Whether its lookup knows all the values of a feature; MS671 where it does not."""
    for name, bad in unknown(values, feature, layer):
        if bad.any():
            assert isinstance(layer, Lookup)
            span, tokens = feature.known[name], layer.tokens or ()
            _report_unknown(values, bad, rows, name, tokens, table, span, findings)
            return False
    return True


def unknown(
    values: Array, feature: ScannedFeature, layer: Layer | None
) -> Iterator[tuple[str, Array]]:
    """By column whose values must be known: which values of the feature are unknown."""
    if not feature.known or not isinstance(layer, Lookup) or layer.tokens is None:
        return
    known = {*layer.tokens, layer.mask_token}
    bad = np.array([value not in known for value in values.flat], bool).reshape(values.shape)
    for name in feature.known:
        of_column = bad
        if feature.bound.stacked:
            of_column = np.zeros_like(bad)
            place = feature.bound.names.index(name)
            of_column[..., place] = bad[..., place]
        yield name, of_column


def _report_unknown(
    values: Array,
    bad: Array,
    rows: Array,
    name: str,
    tokens: Collection[Any],
    table: Table,
    span: Span | None,
    findings: Findings,
) -> None:
    value = values[bad].flat[0]
    found = np.flatnonzero(bad.reshape(len(values), -1).any(axis=1))
    near = nearest(value, list(map(str, tokens))) if isinstance(value, str) else None
    findings.error(
        "MS671",
        f"`{name}` is {_shown(value)} at {table.place(name, (int(rows[found[0]]),))}"
        f"{_more(len(found))}, which its lookup did not learn from the training part, but"
        " `expect` requires known values",
        span,
        help=f'did you mean "{near}"?' if near else "correct the rows, or remove `known`",
    )


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else number(value)


def _more(count: int) -> str:
    """The number of other rows, as a part of a message."""
    if count < 2:
        return ""
    return f" (and in {count - 1:,} more row{'s' if count > 2 else ''})"

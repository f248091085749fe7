"""The column that determines how a source is split: one value per example, and the places of
invalid values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.diagnostics import Span

from .errors import Findings, places
from .table import Array, Table
from .times import Unordered, order_of


class CountedSource(NamedTuple):
    """A source, and which of its examples are kept."""

    table: Table
    size: int
    """The number of kept examples."""
    rows: Array | None
    """Their positions; None: all are kept."""

    @property
    def in_file(self) -> Array | None:
        """Their positions among all rows of the file, including those that `where` leaves out."""
        return self.table.in_file(self.rows)


@dataclass(frozen=True)
class SplitColumn:
    """A column that `split` names, for the kept examples."""

    key: str
    """The key that names it: `stratify`, `group`, `order` or `column`."""
    name: str
    source: CountedSource
    values: Array
    """As stored in the source, [examples]."""
    span: Span
    findings: Findings

    def comparable(self) -> Array | None:
        """The values in a form that NumPy sorts and compares: numbers, strings, or the ranks of
        times that are strings. None, and MS634, if that is not possible.
        """
        if self.key == "stratify":
            self._report_single()
        elif not self.all_given():
            return None
        elif self.key == "order" and self.values.dtype.kind in "OU":
            return self.ranks()
        return self.values.astype(str) if self.values.dtype.kind == "O" else self.values

    def _report_single(self) -> None:
        values = self.values.astype(str) if self.values.dtype.kind == "O" else self.values
        alone = int(np.count_nonzero(np.unique(values, return_counts=True)[1] == 1))
        if alone:
            self.findings.warning(
                "MS618",
                f"`stratify: {self.name}` cannot distribute {alone} of its values, which "
                f"{'has' if alone == 1 else 'have'} one example each",
                self.span,
                help="these examples are used for training; use a column of classes",
            )

    def all_given(self) -> bool:
        """Whether every example has a value; MS634 if one has none."""
        return not self.report(
            _lacking(self.values),
            lambda place: (
                f"`{self.name}` has no value at {place}, but `split.{self.key}` requires one per"
                " example"
            ),
            f"remove the row, or remove `{self.key}`",
        )

    def ranks(self) -> Array | None:
        """The ranks of times, or of numbers, that are strings; None, and MS634, if they cannot be
        compared.
        """
        texts = self.values
        found = order_of(texts)
        if not isinstance(found, Unordered):
            return found
        bad = int(np.argmax(found.bad))

        def message(place: str) -> str:
            said = f'"{texts[bad]}" of `{self.name}` at {place} {found.said}'
            if found.other is None:
                return said
            other = self.place(found.other)
            return f'{said}, but "{texts[found.other]}" at {other} {found.of_other}'

        self.report(found.bad, message, found.help)
        return None

    def report(
        self, bad: Array, message: Callable[[str], str], help: str, code: str = "MS634"
    ) -> bool:
        """A fault at the examples that are `bad`, if there are any. `message` takes the place of
        the first.
        """
        if not bad.any():
            return False
        found = np.flatnonzero(bad)
        shown = [self.place(int(row)) for row in found[:10]]
        self.findings.error(
            code, message(shown[0]), self.span, notes=places(shown, len(found)), help=help
        )
        return True

    def place(self, example: int) -> str:
        """The place of the value of a kept example."""
        row = example if self.source.rows is None else int(self.source.rows[example])
        return self.source.table.place(self.name, (row,))


def split_column(
    data: DataSection, source: CountedSource, findings: Findings
) -> SplitColumn | None:
    """The column that determines the split; None without one, or, with MS618, if it does not have
    one value per example.
    """
    assert data.split is not None
    if data.split.by is None:
        return None
    key, name = data.split.by
    span = data.spans.get(("split", key), data.span)
    text = key == "column" or (key in ("stratify", "group") and is_text(data, name))
    values = source.table.column(name, span, text=text)
    if not _has_one_value_each(values, source):
        findings.error(
            "MS618",
            f"`{name}` of {source.table.name} has the shape {values.shape}, but `{key}` requires "
            "one value per example",
            span,
        )
        return None
    values = values if source.rows is None else values[source.rows]
    return SplitColumn(key, name, source, values, span, findings)


def is_text(data: DataSection, column: str) -> bool:
    """Whether a feature reads a column as strings, so that `007` and `7` are two classes or
    groups.
    """
    features = (*(data.inputs or {}).values(), *(data.targets or {}).values())
    return any(column in one.names and one.takes_text(None) for one in features)


def _has_one_value_each(values: Array, source: CountedSource) -> bool:
    """Whether a column has one value for each example of its source."""
    if values.ndim != 1 or not isinstance(values.flat[0], (str, np.generic)):
        return False
    return source.rows is not None or len(values) == source.size


def _lacking(values: Array) -> Array:
    """Which of the values are missing."""
    if values.dtype.kind in "OU":
        return np.array([value == "" for value in values])
    if values.dtype.kind in "fmM":
        lacking: Array = values != values  # NaN and NaT are not equal to themselves
        return lacking
    return np.zeros(len(values), bool)

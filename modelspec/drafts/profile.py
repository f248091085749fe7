"""What the values of a column are: numbers, strings or dates, how many differ, how many lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from modelspec.compiler.spec.times import read_time
from modelspec.runtime.data.cells import MISSING
from modelspec.runtime.data.column_report import MARKS
from modelspec.runtime.data.date_cells import no_dates
from modelspec.runtime.data.profile import ColumnFacts, ColumnProfile
from modelspec.runtime.data.sequences import is_ragged
from modelspec.runtime.data.table import Array, Table, is_nothing
from modelspec.runtime.data.written_numbers import number_setting

Kind = Literal["number", "string", "date", "array"]
_MARKS_OF_STRINGS = frozenset(MISSING) | {"?"}
"""Cells without a value among strings, in lower case; others could be names."""
_FEW_MARKS = 3
"""A column of numbers has at most so many marks for missing values."""
_NUMBER_CELLS = 1000
"""Cells whose number format is examined."""


@dataclass(frozen=True, eq=False)
class Profile:
    """A column of a sample."""

    facts: ColumnFacts
    """As `modelspec data` shows them."""
    kind: Kind
    values: Array
    """float64 with NaN for missing values, strings with `""` for them, or arrays."""
    whole: bool = False
    """Whether all numbers are integers."""
    as_integers: bool = False
    """Whether all numbers are written as integers: `7`, not `7.0`."""
    number: str = ""
    """The setting `number` that its cells require, as written in a spec."""
    marks: tuple[str, ...] = ()
    """Cells that mark a missing value, which `csv` does not know as such."""
    not_finite: bool = False
    """Whether it has NaN or infinite numbers, which no policy for missing values replaces."""
    default_marks: tuple[str, ...] = ()
    """Cells that mark a missing value unless `missing_values` is set."""

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def rows(self) -> int:
        return len(self.values)

    @cached_property
    def lacking(self) -> Array:
        """Which rows have no value, as [rows] of `bool`."""
        if self.kind == "array":
            return np.zeros(self.rows, bool)
        if self.kind == "number":
            return np.asarray(~np.isfinite(self.values))
        return np.asarray(self.values == "", bool)

    @cached_property
    def missing(self) -> int:
        return int(np.count_nonzero(self.lacking))

    @cached_property
    def known(self) -> Array:
        """The values that are not missing."""
        return self.values[~self.lacking]

    @cached_property
    def _coded(self) -> tuple[Array, Array]:
        """The different values in order, and the index of each row's value, -1 if it is missing."""
        codes = np.full(self.rows, -1, np.int64)
        if self.kind == "number":
            labels, found = np.unique(self.known, return_inverse=True)
        else:
            known = self.known.tolist()
            labels = np.array(sorted(set(known)), dtype=object)
            index = {label: code for code, label in enumerate(labels.tolist())}
            found = np.array([index[one] for one in known], np.int64)
        codes[~self.lacking] = found.reshape(-1)
        return labels, codes

    @property
    def labels(self) -> Array:
        """The different values, in order."""
        return self._coded[0]

    @property
    def codes(self) -> Array:
        """By row: the index in `labels`, -1 for a missing value."""
        return self._coded[1]

    @property
    def distinct(self) -> int:
        return len(self.labels)

    @cached_property
    def counts(self) -> Array:
        """By label: the number of rows."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.distinct)

    @cached_property
    def words(self) -> Array:
        """The number of words of each string."""
        return np.array([len(one.split()) for one in self.known.tolist()], np.int64)

    @cached_property
    def skew(self) -> float:
        """The skewness of the numbers: 0 if they are symmetric, 2 for exponential ones."""
        deviation = float(np.std(self.known))
        if deviation == 0:
            return 0.0
        return float(np.mean(((self.known - np.mean(self.known)) / deviation) ** 3))

    @cached_property
    def instants(self) -> Array:
        """The known dates as numbers that are in their order."""
        found = (read_time(one.strip()) for one in self.known.tolist())
        return np.array([one.seconds + one.fraction * 1e-18 for one in found if one is not None])


def profiled(name: str, values: Array, table: Table) -> Profile:
    """The profile of a column as it was read: text cells for a source that has these."""
    facts = _facts(name, values)
    if is_ragged(values) or values.ndim > 1 or values.dtype.kind == "c":
        return Profile(facts, "array", values)
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        known = numbers[np.isfinite(numbers)]
        whole = bool(np.all(known == np.floor(known)))
        integers = whole and values.dtype.kind != "f"
        wrong = bool(np.any(~np.isfinite(numbers) & ~is_nothing(values)))
        return Profile(facts, "number", numbers, whole, integers, not_finite=wrong)
    texts = np.array([_text(one) for one in values.tolist()], dtype=object)
    return _of_strings(facts, texts, table)


def with_marks(found: Sequence[Profile]) -> tuple[str, ...]:
    """The cells that mark missing values in any column, each once; none if the default ones do."""
    if not any(one.marks for one in found):
        return ()
    return tuple(dict.fromkeys(mark for one in found for mark in (*one.marks, *one.default_marks)))


def _facts(name: str, values: Array) -> ColumnFacts:
    profile = ColumnProfile(name)
    profile.add(values, {"rows": np.ones(len(values), bool)})
    return profile.facts()


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _of_strings(facts: ColumnFacts, texts: Array, table: Table) -> Profile:
    """Strings, or what they represent: numbers if the cells of the source are text, or dates."""
    if table.as_written and (number := _of_numbers(facts, texts, table)) is not None:
        return number
    marks: tuple[str, ...] = ()
    if table.marks:
        found = {one for one in set(texts.tolist()) if one.strip().lower() in _MARKS_OF_STRINGS}
        marks = tuple(sorted(one for one in found if one))
        texts[np.isin(texts.astype(str), marks)] = ""
    known = texts[texts != ""]
    are_dates = len(known) > 0 and not no_dates(known).any() and not _are_years(known)
    return Profile(facts, "date" if are_dates else "string", texts, marks=marks)


def _are_years(known: Array) -> bool:
    """Whether strings are `2024`, which are numbers too."""
    return all(len(one.strip()) < len("2024-01") for one in known[:100].tolist())


def _of_numbers(facts: ColumnFacts, texts: Array, table: Table) -> Profile | None:
    """The profile of cells that are numbers, apart from a few marks; None if they are not."""
    found = table.numbers(texts)
    cells = set(texts[found.bad].tolist())
    marks = {one for one in cells if one.strip().lower() in MARKS}
    known = ~found.missing & ~found.bad
    if not known.any() and not (cells - marks):
        return None
    setting = ""
    if cells - marks:
        formatted = _formatted(texts, found.missing, marks, table)
        if formatted is None:
            return None
        setting, texts = formatted
        found = table.numbers(texts)
    elif len(marks) > _FEW_MARKS or not known.any():
        return None
    default = {one for one in set(texts[found.missing].tolist()) if one.strip()}
    values = np.where(found.missing | found.bad, np.nan, found.values.astype(np.float64))
    numbers = values[np.isfinite(values)]
    whole = bool(np.all(numbers == np.floor(numbers)))
    written = bool(np.all(found.whole[np.isfinite(values)]))
    profile = Profile(facts, "number", values, whole, whole and written, setting)
    return replace(
        profile,
        marks=tuple(sorted(marks)),
        default_marks=tuple(sorted(default)),
        not_finite=bool(np.any(np.isinf(found.values))),
    )


def _formatted(
    texts: Array, missing: Array, marks: set[str], table: Table
) -> tuple[str, Array] | None:
    """The `number` setting that reads all cells, and the cells in plain format; None if no setting
    does.
    """
    from modelspec.compiler.spec.number_format import NumberFormat
    from modelspec.core.source import plain, read_text
    from modelspec.runtime.data.written_numbers import WrittenNumbers

    cells = [one for one in texts[~missing].tolist() if one not in marks]
    suggested = number_setting(cells[:_NUMBER_CELLS], table, {})
    if suggested is None:
        return None
    read = read_text(suggested.text, "number")
    root: Any = plain(read.value.root) if read.value is not None else None
    settings: dict[str, Any] = {}
    for key, one in root["number"].items():
        settings[key] = tuple(one) if isinstance(one, list) else one
    reader = WrittenNumbers(NumberFormat(**settings), table)
    converted = {cell: reader.plain(cell) for cell in set(cells)}
    if any(one is None for one in converted.values()):
        return None
    plain_cells = [converted.get(cell) or "" for cell in texts.tolist()]
    return suggested.text, np.array(plain_cells, dtype=object)


__all__ = ["Kind", "Profile", "profiled", "with_marks"]

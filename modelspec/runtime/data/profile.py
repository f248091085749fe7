"""The contents of the columns in a spec's data: kinds, ranges, missing values, classes, examples,
and what was learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Diagnostic

from .cache import Explanation
from .cells import is_text
from .row_facts import RowFacts
from .sequences import is_ragged, lengths
from .several_labels import parts_of
from .table import Array, is_nothing

EXAMPLES = 3
_DISTINCT = 1000
"""The most distinct values of a column that are counted one by one."""
TOKENS = 10
"""The most tokens of a vocabulary that are listed."""

Counts = Mapping[str, Mapping[str, int]]
"""By value, as a string: how many examples of each part have it."""


@dataclass(frozen=True)
class Range:
    """Statistics of numbers; missing and non-finite ones are left out."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class ColumnFacts:
    """One column as stored in the source."""

    name: str
    dtype: str
    """NumPy's name; `text` for strings."""
    shape: tuple[int | None, ...]
    """Of one example; None if lists have different lengths."""
    missing: int
    """Examples without a value, including NaN."""
    infinite: int
    range: Range | None
    """None for strings."""
    values: Counts | None
    """None with more than a thousand distinct values, or for numbers with fractions."""
    examples: tuple[Any, ...]
    """The first three."""


@dataclass(frozen=True)
class Learned:
    """What a layer of a transform learned from the training split."""

    layer: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class FeatureFacts:
    """The source of one input or target."""

    columns: tuple[ColumnFacts, ...]
    transform: tuple[str, ...] = ()
    """The layers that prepare it."""
    learned: tuple[Learned, ...] = ()
    fill: Mapping[str, Any] = field(default_factory=dict)
    """By column: the replacement for missing values."""
    shape: tuple[int, ...] | None = None
    """Of one example as the model takes it; None if the data could not be prepared."""
    dtype: str | None = None
    range: Range | None = None
    """Of the prepared training examples."""
    classes: tuple[str, ...] | None = None
    """The label of each class, if a lookup makes the target."""
    random: str | None = None
    """Of a random input: `normal` or `uniform`."""


@dataclass(frozen=True)
class WindowFacts:
    """The windows of one part of the data."""

    count: int
    series: Mapping[str, int]
    """Windows per series; empty if all rows are one series."""


@dataclass(frozen=True)
class PartFacts:
    """One part of the data."""

    rows: int
    source: str
    windows: WindowFacts | None = None
    """None if each row is an example."""
    per_epoch: int | None = None
    """The number of examples that `balance` draws for an epoch; None: each once."""


@dataclass(frozen=True)
class DataFacts:
    """All known facts about a spec's data."""

    parts: Mapping[str, PartFacts]
    inputs: Mapping[str, FeatureFacts]
    targets: Mapping[str, FeatureFacts]
    dropped: int = 0
    """Examples of the source of the training split that `missing: drop` leaves out."""
    weights: ColumnFacts | None = None
    rows: RowFacts = field(default_factory=RowFacts)
    cache: tuple[Explanation, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the data can be used with the spec."""
        return not any(one.severity == "error" for one in self.diagnostics)


class RunningRange:
    """Minimum, mean and maximum of numbers that come in blocks."""

    def __init__(self) -> None:
        self._count, self._sum = 0, 0.0
        self._low: float = np.inf
        self._high: float = -np.inf

    def add(self, values: Array) -> None:
        """Non-finite numbers do not count."""
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            values = values[np.isfinite(values)]
        if values.size:
            self._count += values.size
            self._sum += float(values.sum(dtype=np.float64))
            self._low, self._high = (
                min(self._low, _as_float(values.min())),
                max(self._high, _as_float(values.max())),
            )

    def range(self) -> Range | None:
        return Range(self._low, self._sum / self._count, self._high) if self._count else None


def _as_float(value: Any) -> float:
    """A number; an integer where floating point would change it."""
    found: float = float(value) if float(value) == value.item() else value.item()
    return found


class ColumnProfile:
    """Examines a column block by block."""

    def __init__(self, name: str, *, lists: bool = False, separator: str | None = None) -> None:
        self.name = name
        self._lists = lists
        """Whether the items of its lists are labels, which are counted."""
        self._separator = separator
        self._dtype = ""
        self._sizes: set[tuple[int | None, ...]] = set()
        self._missing = self._infinite = 0
        self._range = RunningRange()
        self._values: dict[Any, dict[str, int]] | None = {}
        self._examples: list[Any] = []

    def add(self, values: Array, parts: Mapping[str, Array]) -> None:
        """Adds a block; `parts` marks the examples in each part."""
        self._examples += [plain(one) for one in values[: EXAMPLES - len(self._examples)]]
        if self._separator is not None:
            self._kind(values)
            self._sizes.add(values.shape[1:])
            self.count(values, parts)
            return
        if is_ragged(values):
            self._sizes.update((int(length),) for length in np.unique(lengths(values)))
            if self._lists:
                self.count(values, parts)
            else:
                self._values = None
            values = (
                np.concatenate([np.ravel(item) for item in values]) if len(values) else np.zeros(0)
            )
            self._kind(values)
            if not is_text(values):
                self._range.add(values)
            return
        self._kind(values)
        self._sizes.add(values.shape[1:])
        if is_text(values):
            self._missing += int(np.count_nonzero(is_nothing(values)))
        elif values.dtype.kind == "f":
            self._missing += int(np.count_nonzero(np.isnan(values)))
            self._infinite += int(np.count_nonzero(np.isinf(values)))
        if values.dtype.kind in "biuf":
            self._range.add(values)
        self.count(values, parts)

    def _kind(self, values: Array) -> None:
        self._dtype = "text" if is_text(values) else str(values.dtype)

    @property
    def seen(self) -> bool:
        """Whether it was examined."""
        return bool(self._sizes)

    def count(self, values: Array, parts: Mapping[str, Array]) -> None:
        """Counts the distinct values of one block."""
        if self._values is None:
            return
        if self._separator is not None:
            values = parts_of(values, self._separator, f"`{self.name}`")
        if self._lists and (is_ragged(values) or values.ndim == 2):
            self._count_labels(values, parts)
            return
        if not _is_countable(values):
            self._values = None
            return
        for part, inside in parts.items():
            some = values[inside]
            found, counts = np.unique(
                some.astype(str) if is_text(values) else some, return_counts=True
            )
            for value, count in zip(found.tolist(), counts.tolist(), strict=True):
                if value == value and value != "":  # neither NaN nor empty
                    by_part = self._values.setdefault(value, {})
                    by_part[part] = by_part.get(part, 0) + count
        if len(self._values) > _DISTINCT:
            self._values = None

    def _count_labels(self, values: Array, parts: Mapping[str, Array]) -> None:
        """Counts the examples that have each label."""
        assert self._values is not None
        for part, inside in parts.items():
            found = Counter(one for row in values[inside] for one in set(np.asarray(row).tolist()))
            for value, count in found.items():
                by_part = self._values.setdefault(value, {})
                by_part[part] = by_part.get(part, 0) + count
        if len(self._values) > _DISTINCT:
            self._values = None

    def facts(self) -> ColumnFacts:
        sizes = self._sizes or {()}
        shape = next(iter(sizes)) if len(sizes) == 1 else (None, *next(iter(sizes))[1:])
        values = (
            None
            if self._values is None
            else {label(value): dict(counts) for value, counts in sorted(self._values.items())}
        )
        return ColumnFacts(
            self.name,
            self._dtype,
            shape,
            self._missing,
            self._infinite,
            self._range.range(),
            values,
            tuple(self._examples),
        )


def _is_countable(values: Array) -> bool:
    """Whether the values of a column are single strings or integers."""
    if values.ndim != 1 or values.dtype.kind not in "biufOUS":
        return False
    if values.dtype.kind != "f":
        return True
    known = values[np.isfinite(values)]
    return not np.any(known != np.floor(known))


def label(value: Any) -> str:
    """A value as a table shows it: `3` for 3.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def plain(value: Any) -> Any:
    """As JSON; None for missing and non-finite values, the beginning of long ones."""
    if isinstance(value, (np.ndarray, list)):
        flat = np.ravel(np.asarray(value))[:TOKENS].tolist()
        return [plain(item) for item in flat]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value == "" or (isinstance(value, float) and not np.isfinite(value)) else value

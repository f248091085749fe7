"""Replacements of missing values, measured on the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelspec.compiler.spec.data_features import MEASURED, POLICIES

from .columns import Key
from .errors import Findings
from .scan import Scan
from .scanned_feature import ScannedFeature
from .split import Positions
from .table import Array


def training_blocks(
    scan: Scan, rows: Positions
) -> Iterator[tuple[int, Mapping[str, Array], Array]]:
    """Each block with training examples, and their places in it."""
    for start, block in scan.reader.blocks():
        size = len(next(iter(block.values())))
        first, last = np.searchsorted(rows, (start, start + size))
        if last > first:
            yield start, block, rows[first:last] - start


def fills(scan: Scan, rows: Positions) -> dict[Key, dict[str, Any]]:
    """The replacement of missing values, by feature and column."""
    found: dict[Key, dict[str, Any]] = {}
    measured: list[_Measured] = []
    for key, feature in scan.features.items():
        policy = feature.bound.missing
        if policy in MEASURED or (policy == "drop" and feature.lacking is not None):
            measured.extend(_Measured(key, name, feature) for name in feature.checks)
        elif policy not in POLICIES:
            found[key] = dict.fromkeys(feature.checks, policy)
    if measured:
        _measure(scan, rows, measured)
    for one in measured:
        found.setdefault(one.key, {})[one.name] = one.value()
    return found


def _measure(scan: Scan, rows: Positions, columns: list[_Measured]) -> None:
    """One pass over the training examples. Raises `DataError` (MS628) where a column has no values
    in them.
    """
    for _, block, chosen in training_blocks(scan, rows):
        for one in columns:
            one.add(block[one.name][chosen])
    findings = Findings()
    for one in columns:
        if not one.count and one.policy != "drop":
            findings.error(
                "MS628",
                f"`{one.name}` has no values in the training split for the {one.policy}",
                one.feature.bound.at(one.name),
                help=f"remove the column, or set a constant: `missing: {one.constant}`",
            )
    findings.stop_if_wrong()


class _Measured:
    """A column whose missing values are replaced by the mean, median or most frequent value of the
    others.
    """

    def __init__(self, key: Key, name: str, feature: ScannedFeature) -> None:
        self.key = key
        self.name = name
        self.feature = feature
        self.policy = feature.bound.missing
        self.count = 0
        self._sum = 0.0
        self._kept: list[Array] = []

    @property
    def constant(self) -> str:
        """An example of a constant in place of the policy."""
        chain = self.feature.bound.chain
        if chain is not None and any(layer.reads_dates for layer in chain.layers):
            return "2026-01-31"
        return "unknown" if self.feature.text else "0"

    def add(self, column: Array) -> None:
        cells = self.feature.cells(self.name, column)
        values = cells.values if cells.missing is None else cells.values[~cells.missing]
        self.count += values.size
        if self.policy == "mean":
            self._sum += float(values.sum(dtype=np.float64))
        elif self.policy == "drop":  # no window contains it: any value of the column works
            self._kept = self._kept or [values.ravel()[:1]] * bool(values.size)
        else:
            self._kept.append(values.ravel())

    def value(self) -> Any:
        """The replacement of missing values."""
        if self.policy == "mean":
            return self._sum / self.count
        if self.policy == "drop" and not self.count:
            return "" if self.feature.text else 0.0
        values = np.concatenate(self._kept)
        return float(np.median(values)) if self.policy == "median" else _most_frequent(values)


def _most_frequent(values: Array) -> Any:
    """The most frequent value; the smallest where several are."""
    found, counts = np.unique(values, return_counts=True)
    value = found[np.argmax(counts)]
    return str(value) if isinstance(value, str) else float(value)

"""Statistics of a regression: errors, residuals, and errors by range of the true value. Every value
counts once; weights of the data are ignored.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..data.table import Array
from ..history.findings import Numbers, Range

POINTS: Final = 600
"""Points of predicted against true values."""
_BINS: Final = 30
_RANGES: Final = 8
_POSITIONS: Final = 3
"""The number of values per example from which on their errors are shown as a curve."""


def numbers(name: str, true: Array, predicted: Array, seed: int) -> Numbers | None:
    """Statistics of values [values], or of several for each example [examples, positions]; None if
    no pair is finite.
    """
    by_position = _by_position(true, predicted)
    true, predicted = true.ravel(), predicted.ravel()
    finite = np.isfinite(true) & np.isfinite(predicted)
    true, predicted = true[finite], predicted[finite]
    if not len(true):
        return None
    residuals = predicted - true
    spread = float(np.sum((true - true.mean()) ** 2))
    counts, edges = np.histogram(residuals, _BINS)
    some = np.arange(len(true))
    if len(some) > POINTS:
        some = np.sort(np.random.default_rng([seed, len(true)]).choice(some, POINTS, replace=False))
    return Numbers(
        name,
        len(true),
        float(np.abs(residuals).mean()),
        float(np.sqrt(np.mean(residuals**2))),
        1 - float(np.sum(residuals**2)) / spread if spread > 0 else None,
        float(residuals.mean()),
        tuple(zip(true[some].tolist(), predicted[some].tolist(), strict=True)),
        tuple(edges.tolist()),
        tuple(counts.tolist()),
        _ranges(true, residuals),
        by_position,
    )


def _by_position(true: Array, predicted: Array) -> tuple[float, ...]:
    if true.ndim != 2 or true.shape[1] < _POSITIONS:
        return ()
    return tuple(np.abs(predicted - true).mean(axis=0).tolist())


def _ranges(true: Array, residuals: Array) -> tuple[Range, ...]:
    """Ranges with about equal numbers of values: between distinct quantiles of the true value."""
    edges = np.unique(np.quantile(true, np.linspace(0, 1, _RANGES + 1), method="nearest"))
    if len(edges) < 3:
        return ()
    inside = np.clip(np.searchsorted(edges, true, side="right") - 1, 0, len(edges) - 2)
    return tuple(
        Range(
            float(edges[at]),
            float(edges[at + 1]),
            int(chosen.sum()),
            float(np.abs(residuals[chosen]).mean()),
            float(residuals[chosen].mean()),
        )
        for at in range(len(edges) - 1)
        if (chosen := inside == at).any()
    )

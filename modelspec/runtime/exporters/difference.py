"""How far an export is from the run's own predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..data.table import Array


def difference(expected: Mapping[str, Array], found: Mapping[str, Array]) -> float:
    """The largest difference of any number, as a share of the largest number of its output where
    that is over 1.

    So it is absolute for probabilities, and relative for outputs in units of their own. Infinite
    where shapes differ, or where one side has no number and the other has.
    """
    return max(
        (_of_output(values, found.get(name)) for name, values in expected.items()), default=0.0
    )


def _of_output(expected: Array, found: Array | None) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    one, other = expected.astype(np.float64), found.astype(np.float64)
    if not expected.size:
        return 0.0
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    finite = np.isfinite(one)
    if not finite.any():
        return 0.0
    return float(np.abs(one - other)[finite].max() / max(1.0, float(np.abs(one[finite]).max())))

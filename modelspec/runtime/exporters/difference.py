"""How far an export is from the run's own predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..data.table import Array


def difference(
    expected: Mapping[str, Array],
    found: Mapping[str, Array],
    scales: Mapping[str, tuple[Array, Array]] | None = None,
) -> float:
    """The largest difference of any number, as a share of the largest number of its output where
    that is over 1.

    So it is absolute for probabilities, and relative for outputs in units of their own. Outputs
    with a scale (factor and summand) are compared in the units that the model was trained in: a
    year is large, and what matters is how far it is from other years. Infinite where shapes differ,
    or where one side has no number and the other has.
    """
    known = scales or {}
    return max(
        (_of_output(values, found.get(name), known.get(name)) for name, values in expected.items()),
        default=0.0,
    )


def _of_output(expected: Array, found: Array | None, scale: tuple[Array, Array] | None) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    one, other = expected.astype(np.float64), found.astype(np.float64)
    if scale is not None:
        factor, summand = scale
        one, other = (one - summand) / factor, (other - summand) / factor
    if not expected.size:
        return 0.0
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    finite = np.isfinite(one)
    if not finite.any():
        return 0.0
    return float(np.abs(one - other)[finite].max() / max(1.0, float(np.abs(one[finite]).max())))

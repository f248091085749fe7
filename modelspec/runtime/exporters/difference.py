"""The difference between an export and the run's own predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..data.table import Array


def difference(
    expected: Mapping[str, Array],
    found: Mapping[str, Array],
    scales: Mapping[str, tuple[Array, Array]] | None = None,
) -> float:
    """The largest difference of any number, relative to the largest number of its output if that
    exceeds 1.

    So it is absolute for probabilities, and relative for outputs in their own units. Outputs with a
    scale (factor and offset) are compared in the units of training: a year is a large number, and
    only its difference from other years matters. Infinite if shapes differ, or if only one of two
    numbers is missing.
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

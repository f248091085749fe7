"""The numbers that random choices follow from."""

from __future__ import annotations

MAX_SEED = 2**32 - 1
"""The largest seed: those of NumPy and Python may be larger, those of TensorFlow may not."""

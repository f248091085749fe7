"""Seeds of random choices."""

from __future__ import annotations

MAX_SEED = 2**32 - 1
"""The largest seed that TensorFlow accepts; NumPy and Python allow larger ones."""

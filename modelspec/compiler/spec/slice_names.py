"""The names of slices, in expectations and in the files of a run."""

from __future__ import annotations

from typing import Final

MARK: Final = "@"
"""The separator between a metric and its slice: `test_accuracy@island=Dream`."""
MISSING: Final = "missing"
"""The slice of the examples without a value in the column: `age=missing`."""

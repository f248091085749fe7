"""The progress of long downloads."""

from __future__ import annotations

import sys
from time import monotonic

from .output import write

_FIRST = 2.0
"""Seconds before the first line."""
_NEXT = 10.0
"""Seconds between two lines."""


class Downloads:
    """Reports the progress of downloads on standard error."""

    def __init__(self) -> None:
        self._address = ""
        self._due = 0.0

    def __call__(self, address: str, done: int, size: int | None) -> None:
        """`done` bytes of `size` (if known) were received."""
        now = monotonic()
        if address != self._address:
            self._address, self._due = address, now + _FIRST
        if now < self._due:
            return
        self._due = now + _NEXT
        of = f" of {size / 1e6:,.1f} MB ({100 * done // max(size, 1)} %)" if size else " MB"
        write(f"fetching {address}: {done / 1e6:,.1f}{of}", sys.stderr)

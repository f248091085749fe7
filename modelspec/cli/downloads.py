"""The progress of a download, where it takes a while."""

from __future__ import annotations

import sys
from time import monotonic

from .output import write

_FIRST = 2.0
"""Seconds before anything is said."""
_NEXT = 10.0
"""Seconds between two lines."""


class Downloads:
    """Tells on standard error how far a download is."""

    def __init__(self) -> None:
        self._address = ""
        self._due = 0.0

    def __call__(self, address: str, done: int, size: int | None) -> None:
        """`done` bytes have come of `size`, where that is known."""
        now = monotonic()
        if address != self._address:
            self._address, self._due = address, now + _FIRST
        if now < self._due:
            return
        self._due = now + _NEXT
        of = f" of {size / 1e6:,.1f} MB ({100 * done // max(size, 1)} %)" if size else " MB"
        write(f"fetching {address}: {done / 1e6:,.1f}{of}", sys.stderr)

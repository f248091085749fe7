"""Pauses Python's garbage collector where nearly all new objects are kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Inside, reference cycles are not searched for: while a tree of objects grows, the search
    takes up to half of the time and finds nothing. Reference counts free objects as usual.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

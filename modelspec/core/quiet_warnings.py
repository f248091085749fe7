"""Suppresses warnings temporarily, safe with several threads.

`warnings.catch_warnings` restores a copy of all filters. Where two threads overlap, the one that
ends last restores the filters of the other, which then remain. Here a single filter is added and
removed.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()


@contextmanager
def ignoring(category: type[Warning] = Warning) -> Iterator[None]:
    """Without warnings of a category. Filters that are set inside remain."""
    ours: Any = ("ignore", None, category, None, 0)
    with _lock:
        warnings.filters.insert(0, ours)  # type: ignore[attr-defined]  # a list, as it is documented
    try:
        yield
    finally:
        with _lock:
            _remove(ours)


def _remove(ours: Any) -> None:
    """The filter that was added, by identity: the program may have an equal one."""
    for at, one in enumerate(warnings.filters):
        if one is ours:
            del warnings.filters[at]  # type: ignore[attr-defined]
            return

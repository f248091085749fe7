"""Automatic names: the name of the class, numbered as Keras numbers layers: `dense`, `dense_1`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_NUMBER = re.compile(r"_\d+$")
_FALLBACK: Final = "layer"
"""The base where no letters remain of a kind (it is misspelt, which is already reported)."""


class AutomaticNames:
    """Generates unique names: for every base, the first free number."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def next(self, base: str, is_free: Callable[[str], bool] = lambda name: True) -> str:
        """The next name of a base; the first one has no number."""
        base = base or _FALLBACK
        while True:
            count = self._counts.get(base, 0)
            self._counts[base] = count + 1
            name = f"{base}_{count}" if count else base
            if is_free(name):
                return name


def unnumbered(name: str) -> str:
    """The base of an automatic name: `dense` of `dense_1`."""
    return _NUMBER.sub("", name)

"""Names that Keras must not give to operations without a name.

Keras adds operations to a model, e.g. those that compute the mask of `Concatenate`, and names them
as it names layers: `concatenate`, `concatenate_1`. It does not know which layers follow, and a
model in which two operations have the same name is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import keras

MOST: Final = 100_000
"""Keras does not number so many operations of one model."""


def reserve(names: Iterable[str]) -> None:
    """Makes Keras number the operations that it adds after these names."""
    used: dict[str, int] = {}
    for name in names:
        used[name] = max(used.get(name, 0), 1)
        stem, _, number = name.rpartition("_")
        if number.isdecimal() and int(number) < MOST:
            used[stem] = max(used.get(stem, 0), int(number) + 1)
    for stem, count in used.items():
        while keras.backend.get_uid(stem) < count:
            pass

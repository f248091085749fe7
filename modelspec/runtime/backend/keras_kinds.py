"""The base classes in Keras of what plugins add."""

from __future__ import annotations

from functools import reduce
from typing import Any


def unsuitable(found: object, base: str) -> str | None:
    """The reason why an object is not a class below `keras.BASE`, as the end of a sentence; None if
    it is. With an empty base, any callable is allowed.
    """
    import keras

    if not base:
        return None if callable(found) else "is not a function or a class"
    wanted: Any = reduce(getattr, base.split("."), keras)
    if isinstance(found, type) and issubclass(found, wanted):
        return None
    return f"is not a subclass of `keras.{base}`"

"""What is to be loaded from a file of weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What is to be loaded."""

    skip: tuple[str, ...] = ()
    by_name: bool = False
    of_library: bool = False
    """Whether the file is Keras's own for a model of the library, which may be cut short: its
    layers are found by their names where the file has all of them, by their order otherwise.
    """

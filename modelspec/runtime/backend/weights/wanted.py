"""The options for loading a weight file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What to load."""

    skip: tuple[str, ...] = ()
    by_name: bool = False
    of_library: bool = False
    """Whether the file comes from Keras, for a model of the library that may be truncated: layers
    are matched by name if the file has all of them, by order otherwise.
    """

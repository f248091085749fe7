"""The options for loading a weight file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wanted:
    """What to load."""

    skip: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """The layers to load, by name; all if empty."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By weight: the tensor in the file. If there are any, only these weights are loaded."""
    by_name: bool = False
    of_library: bool = False
    """Whether the file comes from Keras, for a model of the library that may be truncated: layers
    are matched by name if the file has all of them, by order otherwise.
    """

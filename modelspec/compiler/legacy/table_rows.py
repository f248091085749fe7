"""The rows of the tables of old spellings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

OLD_VALUE: TypeAlias = "str | int | float | bool | None"


class _LeftOut:
    """The type of `LEFT_OUT`."""


LEFT_OUT = _LeftOut()
"""Instead of a current value: the old one is the current behavior, and the setting is removed."""


@dataclass(frozen=True)
class Renamed:
    """A renamed setting; values with a new spelling are in `values`, others are kept."""

    new: str
    values: Mapping[OLD_VALUE, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """A setting that became several, all with its value."""

    new: tuple[str, ...]


@dataclass(frozen=True)
class Wrapped:
    """A number where a component is written now: `0.2` for `{Constant: 0.2}`."""

    new: str
    component: str


@dataclass(frozen=True)
class Reworded:
    """A setting with the same name, but new spellings of some values."""

    values: Mapping[OLD_VALUE, str]


@dataclass(frozen=True)
class Dropped:
    """A setting that no longer has an effect, or none for the values in `only`; other values are
    kept.
    """

    because: str
    only: tuple[OLD_VALUE, ...] | None = None
    inside: str | None = None
    """The wrapper inside which it has no effect, for any value."""


Row: TypeAlias = "Renamed | Split | Wrapped | Reworded | Dropped"


@dataclass(frozen=True)
class Packed:
    """Several settings that are now one list."""

    old: tuple[str, ...]
    new: str


@dataclass(frozen=True)
class Kind:
    """A renamed layer."""

    new: str
    primary: str | None = None
    """The setting of `- Kind: value`, by its old name, if that is not the current first setting."""
    adds: Mapping[str, Any] = field(default_factory=dict)
    """Settings that preserve the behavior of the old layer; explicit ones are kept."""
    merges: bool = False
    """Whether it was a mode of `Merge`."""

"""What a row of the tables of old spellings may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

OLD_VALUE: TypeAlias = "str | int | float | bool | None"


class _LeftOut:
    """The type of `LEFT_OUT`."""


LEFT_OUT = _LeftOut()
"""In place of today's value: the old one said what is so anyway, and the setting is left out."""


@dataclass(frozen=True)
class Renamed:
    """A setting of another name today; values that have another word are in `values`, others
    stay.
    """

    new: str
    values: Mapping[OLD_VALUE, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """A setting that is several today, all with its value."""

    new: tuple[str, ...]


@dataclass(frozen=True)
class Wrapped:
    """A number where today a component is written: `0.2` for `{Constant: 0.2}`."""

    new: str
    component: str


@dataclass(frozen=True)
class Reworded:
    """A setting that has its name still, and other words for some values."""

    values: Mapping[OLD_VALUE, str]


@dataclass(frozen=True)
class Dropped:
    """A setting that has no effect any more, or has none for the values in `only`; any other is not
    touched.
    """

    because: str
    only: tuple[OLD_VALUE, ...] | None = None
    inside: str | None = None
    """The wrapper inside which it has no effect whatever its value."""


Row: TypeAlias = "Renamed | Split | Wrapped | Reworded | Dropped"


@dataclass(frozen=True)
class Packed:
    """Several settings that are one list today."""

    old: tuple[str, ...]
    new: str


@dataclass(frozen=True)
class Kind:
    """A layer of another name today."""

    new: str
    primary: str | None = None
    """What `- Kind: value` set, by its old name, where that is not today's first setting."""
    adds: Mapping[str, Any] = field(default_factory=dict)
    """Settings that make today's layer the old one; those that are written stay as they are."""
    merges: bool = False
    """Whether it was a mode of `Merge`."""

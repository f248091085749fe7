"""Settings as columns of a table of runs: those that differ between runs of one spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelspec.core.visible import visible
from modelspec.views.diff.values import ABSENT, Differing

from ..record import Record
from .labels import setting_names
from .settings import differing_settings, written_tree
from .tables import value_text

_SECTIONS: Final = ("training", "model", "data", "runtime")
_LONGEST: Final = 20
"""The most characters of a value, or of a name, in a column."""


@dataclass(frozen=True)
class Column:
    """A setting, with its value in each run (`ABSENT` if it has none)."""

    name: str
    """The last keys of the path, as many as are needed to make it unique."""
    path: str
    values: tuple[Any, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The text in the table."""
        return tuple(_short(value_text(value)) for value in self.values)

    @property
    def width(self) -> int:
        return max(len(self.name), *map(len, self.texts))


def setting_columns(records: Sequence[Record]) -> tuple[Column, ...]:
    """The settings that differ between runs of one spec, as in resolved.yaml; between all runs if
    no spec has two. Settings that differ in more specs come first, and among these those of the
    training.

    A run whose resolved.yaml cannot be read has no values.
    """
    trees = [written_tree(record).value for record in records]
    known = [at for at, tree in enumerate(trees) if tree is not None]
    places = differing_settings([tree for tree in trees if tree is not None]) if known else []
    groups = _groups([records[at].name for at in known])
    often = [(_times(one, groups), one) for one in places]
    often.sort(key=lambda each: (-each[0], _section(each[1].path)))
    chosen = [one for times, one in often if times]
    names = setting_names([one.path for one in chosen])
    return tuple(
        Column(_short(name), one.path, _spread(one, known, len(records)))
        for name, one in zip(names, chosen, strict=True)
    )


def that_fit(found: Iterable[Column], room: int, gap: int) -> list[Column]:
    """The columns that fit into so many characters, earlier ones first."""
    chosen: list[Column] = []
    for one in found:
        if one.width + gap <= room:
            room -= one.width + gap
            chosen.append(one)
    return chosen


def _section(path: str) -> int:
    name = path.partition(".")[0]
    return _SECTIONS.index(name) if name in _SECTIONS else len(_SECTIONS)


def _groups(names: Sequence[str]) -> list[list[int]]:
    """The positions of runs that are compared with each other."""
    by_name: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        by_name.setdefault(name, []).append(at)
    several = [group for group in by_name.values() if len(group) > 1]
    return several or [list(range(len(names)))]


def _times(place: Differing, groups: Sequence[Sequence[int]]) -> int:
    """The number of groups in which the values differ."""
    return sum(any(place.values[at] != place.values[group[0]] for at in group) for group in groups)


def _spread(place: Differing, known: Sequence[int], count: int) -> tuple[Any, ...]:
    """A value for every run."""
    values = dict(zip(known, place.values, strict=True))
    return tuple(values.get(at, ABSENT) for at in range(count))


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."

"""Matches the layers of two models: by explicit names, then by kind, settings and position."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from .rows import Row

Pairs = dict[int, int]
"""Positions in the first model by positions in the second."""

_ALIKE = 3000
"""Maximum number of rows that are matched by similarity; larger models use names and positions."""


def match(first: Sequence[Row], second: Sequence[Row]) -> Pairs:
    """The pairs; layers without a pair were added or removed.

    Explicit names have priority. A layer without a name is matched by its kind and settings in
    order, so that a new entry does not shift all later layers. The remaining layers are matched
    by name and kind, then by kind alone between the same neighbors.
    """
    pairs: Pairs = {}
    _by(pairs, first, second, lambda row: row.name if row.named else None)
    if len(first) + len(second) <= _ALIKE:
        _in_order(
            pairs,
            first,
            second,
            lambda row: (_place(row), row.kind, repr(sorted(row.settings.items()))),
        )
    _by(pairs, first, second, lambda row: (row.name, row.kind))
    _between(pairs, first, second)
    return pairs


def _place(row: Row) -> str:
    """The model or shared layer that contains it."""
    return row.name.rpartition("/")[0]


def _left(pairs: Pairs, first: Sequence[Row], second: Sequence[Row]) -> tuple[list[int], list[int]]:
    taken = set(pairs.values())
    return [at for at in range(len(first)) if at not in taken], [
        at for at in range(len(second)) if at not in pairs
    ]


def _by(
    pairs: Pairs, first: Sequence[Row], second: Sequence[Row], key: Callable[[Row], Any]
) -> None:
    """Pairs of remaining rows with an equal key."""
    left, right = _left(pairs, first, second)
    known = {key(first[at]): at for at in left if key(first[at]) is not None}
    for at in right:
        found = known.pop(key(second[at]), None) if key(second[at]) is not None else None
        if found is not None:
            pairs[at] = found


def _in_order(
    pairs: Pairs, first: Sequence[Row], second: Sequence[Row], key: Callable[[Row], Any]
) -> None:
    """Pairs of remaining rows that are equal, in the order of both models."""
    left, right = _left(pairs, first, second)
    matcher = SequenceMatcher(
        None, [key(first[at]) for at in left], [key(second[at]) for at in right], autojunk=False
    )
    for start, other, size in matcher.get_matching_blocks():
        for step in range(size):
            pairs[right[other + step]] = left[start + step]


def _between(pairs: Pairs, first: Sequence[Row], second: Sequence[Row]) -> None:
    """Pairs of remaining rows of the same kind between the same neighbors."""
    left, right = _left(pairs, first, second)
    free = set(left)
    for at in right:
        before = next((pairs[one] for one in range(at - 1, -1, -1) if one in pairs), -1)
        after = next((pairs[one] for one in range(at + 1, len(second)) if one in pairs), len(first))
        alike = [
            one
            for one in range(before + 1, after)
            if one in free
            and first[one].kind == second[at].kind
            and _place(first[one]) == _place(second[at])
        ]
        if alike:
            pairs[at] = alike[0]
            free.discard(alike[0])


def moved(pairs: Pairs) -> set[int]:
    """Positions in the second model of layers whose order changed."""
    order = sorted(pairs)
    chain = _longest([pairs[at] for at in order])
    return {at for at in order if pairs[at] not in chain}


def _longest(values: list[int]) -> set[int]:
    """A longest increasing subsequence of the values (patience sorting)."""
    ends: list[int] = []
    tails: list[int] = []
    before: list[int | None] = []
    for at, value in enumerate(values):
        length = bisect_left(tails, value)
        before.append(ends[length - 1] if length else None)
        tails[length : length + 1] = [value]
        ends[length : length + 1] = [at]
    found: set[int] = set()
    step = ends[-1] if ends else None
    while step is not None:
        found.add(values[step])
        step = before[step]
    return found

"""Did you mean: the nearest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_LONGEST: Final = 200  # characters of a word that is looked up; no name is half as long
_TELLING: Final = 4  # characters that a common start needs to mean anything


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was most likely meant to be, or None where nothing is near.

    Names are compared without case and separators first (`kernelSize`, `kernel-size`), then by edit
    distance with transpositions, at most a third of the longer word. Ties go to the name that is
    nearest as it is written, then to one with the same letters (a swap is the slip people make
    most), then to the one most like the word. Where no name is near, a word left half written, or
    written with more than it needs (`optim`, `kernel` for `kernel_size`), gives the name that it
    starts or that starts it.
    """
    if not word or len(word) > _LONGEST:
        return None
    near = _near(_fold(word), [name for name in dict.fromkeys(known) if name])
    if len(near) < 2:
        return near[0] if near else None
    return min(near, key=lambda name: _difference(word, name))


def _near(folded: str, names: list[str]) -> list[str]:
    """The names that are as near as any."""
    return (
        [name for name in names if _fold(name) == folded]
        or _nearest_folded(folded, names)
        or [name for name in names if _continues(folded, _fold(name))]
    )


def _difference(word: str, name: str) -> tuple[object, ...]:
    """How far a near name is from the word, in the order in which it counts."""
    folded, other = _fold(word), _fold(name)
    return (
        edit_distance(word, name),
        not _swapped(folded, other),
        -_likeness(folded, other),
        name[:1].islower() != word[:1].islower(),
        name,
    )


def nearest_unused(word: str, known: Iterable[str], used: Container[str]) -> str | None:
    """The nearest of the names that are not used yet; of all where none of these is near."""
    names = list(known)
    return nearest(word, [name for name in names if name not in used]) or nearest(word, names)


def did_you_mean(near: str | None, otherwise: str | None = None) -> str | None:
    """The help for a name that is not known."""
    return f"did you mean `{near}`?" if near else otherwise


def _nearest_folded(word: str, names: list[str]) -> list[str]:
    """The names at the smallest distance from `word`; each one found narrows the search for the
    rest.
    """
    best, near = _LONGEST, list[str]()
    likely = sorted(
        names, key=lambda name: (_fold(name)[:1] != word[:1], abs(len(name) - len(word)))
    )
    for name in likely:
        folded = _fold(name)
        limit = min(best, max(1, max(len(word), len(folded)) // 3))
        distance = edit_distance(word, folded, limit)
        if distance > limit:
            continue
        if distance < best:
            best, near = distance, []
        near.append(name)
    return near


def edit_distance(a: str, b: str, limit: int = 100) -> int:
    """Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; `limit + 1` where
    more.
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]


@lru_cache(maxsize=4096)
def _fold(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())


def _continues(word: str, name: str) -> bool:
    return min(len(word), len(name)) >= _TELLING and (
        name.startswith(word) or word.startswith(name)
    )


def _swapped(a: str, b: str) -> bool:
    return sorted(a) == sorted(b)


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names as a sentence has them: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return "".join(quoted) if len(quoted) < 2 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"

"""Suggestions ("did you mean"): the known name nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from ..records import NamedTuple, dataclass

_LONGEST: Final = 200  # characters of a word that is looked up; no name is half as long
_TELLING: Final = 4  # characters that a common start needs to mean anything
_EFFORT: Final = 100_000
"""Limits for all words of one check together: names compared, and characters of those compared
closely. Enough for some hundred misspelt words, and a fraction of a second for thousands.
"""
_LISTED: Final = 50  # names that a sentence lists


@dataclass
class _Effort:
    """What remains for the searches of one check."""

    left: int


_effort: ContextVar[_Effort | None] = ContextVar("effort", default=None)


@contextmanager
def bounded_searches() -> Iterator[None]:
    """Inside, all searches share one limit; when it is used up, words have no nearest name.
    Otherwise n unknown words and n names take n * n comparisons. Nested uses have no effect.
    """
    if _effort.get() is not None:
        yield
        return
    before = _effort.set(_Effort(_EFFORT))
    try:
        yield
    finally:
        _effort.reset(before)


def _spend(units: int) -> bool:
    """Takes that much from the limit; returns whether it remained."""
    effort = _effort.get()
    if effort is None:
        return True
    effort.left -= units
    return effort.left >= 0


def _affordable(known: Iterable[str]) -> bool:
    """Whether the limit allows comparing the names; checked in advance if their number is known."""
    effort = _effort.get()
    if effort is None:
        return True
    return effort.left > 0 and (not isinstance(known, Collection) or len(known) <= effort.left)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely means, or None where none is near.

    Names are compared without case and separators first (`kernelSize`, `kernel-size`), then by edit
    distance with transpositions, at most a third of the longer word. Among equals, the name nearest
    as written is preferred, then one with the same letters (a swap is the most common slip), then
    the most similar one. Where no name is near, a word that is the start of a name, or starts with
    one (`optim`, `kernel` for `kernel_size`), gives that name.
    """
    if not word or len(word) > _LONGEST or not _affordable(known):
        return None
    names = [name for name in dict.fromkeys(known) if name]
    if not _spend(len(names)):
        return None
    near = _near(_folded(word), names)
    if len(near) < 2:
        return near[0] if near else None
    return _likeliest(word, near)


def _near(word: _Folded, names: list[str]) -> list[str]:
    """The nearest names."""
    return (
        [name for name in names if _fold(name) == word.text]
        or _nearest_folded(word, names)
        or [name for name in names if _continues(word.text, _fold(name))]
    )


def _likeliest(word: str, near: list[str]) -> str | None:
    """The most likely one of several near names: each step is more expensive than the one before,
    and considers only the remaining names.
    """
    if not _spend(sum(map(len, near))):
        return None
    distances = _Distances(word)
    left = _least(near, [distances.to(name) for name in near])
    folded = _fold(word)
    letters = sorted(folded)
    left = _least(left, [int(sorted(_fold(name)) != letters) for name in left])
    if len(left) > 1 and not _spend(len(word) * sum(map(len, left))):
        return None
    return min(
        left,
        key=lambda name: (
            -_likeness(folded, _fold(name)),
            name[:1].islower() != word[:1].islower(),
            name,
        ),
    )


def _least(names: list[str], values: list[int]) -> list[str]:
    """The names with the lowest value."""
    least = min(values)
    return [name for name, value in zip(names, values, strict=True) if value == least]


def nearest_unused(word: str, known: Iterable[str], used: Container[str]) -> str | None:
    """The nearest of the unused names; of all names where none of these is near."""
    if not _affordable(known):
        return None
    names = list(known)
    if not _spend(len(names)):
        return None
    return nearest(word, [name for name in names if name not in used]) or nearest(word, names)


def did_you_mean(near: str | None, otherwise: str | None = None) -> str | None:
    """The help for an unknown name."""
    return f"did you mean `{near}`?" if near else otherwise


def _nearest_folded(word: _Folded, names: list[str]) -> list[str]:
    """The names at the smallest distance from `word`; empty where the remaining limit is too small
    to be sure.
    """
    candidates: list[tuple[int, str, str]] = []
    size = len(word.text)
    for name in names:
        text, letters = _folded(name)
        other = len(text)
        limit = (size if size > other else other) // 3 or 1
        bound = abs(size - other)
        if bound <= limit and (bound := _at_least(bound, word.letters, letters)) <= limit:
            candidates.append((bound, text, name))
    candidates.sort()
    best, near = _LONGEST, list[str]()
    distances = _Distances(word.text)
    for bound, text, name in candidates:
        if bound > best:
            break
        if not _spend(len(text)):
            return []
        distance = distances.to(text)
        if distance > min(best, max(1, max(size, len(text)) // 3)):
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
    return min(_Distances(a).to(b), limit + 1)


class _Distances:
    """Edit distances from one word, a whole column of the table at a time in the bits of an
    integer.

    Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances" (2003).
    """

    def __init__(self, word: str) -> None:
        self.length = len(word)
        self.places: dict[str, int] = {}
        """For each character: a bit for every place where the word has it."""
        for at, character in enumerate(word):
            self.places[character] = self.places.get(character, 0) | 1 << at

    def to(self, name: str) -> int:
        """The distance to a name."""
        if not self.length:
            return len(name)
        every = (1 << self.length) - 1
        last = 1 << (self.length - 1)
        distance, plus, minus, zero, before = self.length, every, 0, 0, 0
        for character in name:
            same = self.places.get(character, 0)
            swapped = ((every & ~zero & same) << 1) & before
            zero = ((((same & plus) + plus) ^ plus) | same | minus | swapped) & every
            up = minus | every & ~(zero | plus)
            down = zero & plus
            distance += bool(up & last) - bool(down & last)
            up = (up << 1 | 1) & every
            plus = (down << 1 | ~(zero | up)) & every
            minus = up & zero
            before = same
        return distance


class _Folded(NamedTuple):
    """A name without case and separators, and which letters it has: one bit for each of 64 groups
    of characters.
    """

    text: str
    letters: int


def _at_least(lengths: int, a: int, b: int) -> int:
    """The least distance of two names whose lengths differ by so much, with these letters: an edit
    adds at most one missing letter, and removes at most one surplus letter.
    """
    return max(lengths, (a & ~b).bit_count(), (b & ~a).bit_count())


@lru_cache(maxsize=1 << 14)
def _folded(word: str) -> _Folded:
    lower = word.lower()
    text = lower if lower.isalnum() else "".join(filter(str.isalnum, lower))
    letters = 0
    for character in set(text):
        letters |= 1 << (ord(character) & 63)
    return _Folded(text, letters)


def _fold(word: str) -> str:
    return _folded(word).text


def _continues(word: str, name: str) -> bool:
    return min(len(word), len(name)) >= _TELLING and (
        name.startswith(word) or word.startswith(name)
    )


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names for a sentence: `a`, `b` and `c`. Of many names, the first are listed and the others
    counted.
    """
    more = len(names) - _LISTED
    if more > 0:
        return f"{', '.join(f'`{name}`' for name in names[:_LISTED])} {word} {more:,} more"
    quoted = [f"`{name}`" for name in names]
    return "".join(quoted) if len(quoted) < 2 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"

"""Did you mean: the nearest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was most likely meant to be, or None where nothing is near.

    Names are compared without case and separators first (`kernelSize`, `kernel-size`), then by edit distance
    with transpositions, at most a third of the longer word; ties go to the name with the longer common start.
    """
    if not word or len(word) > 200:
        return None
    names = [name for name in known if name]
    folded = _fold(word)
    exact = [name for name in names if _fold(name) == folded]
    if exact:
        return min(exact, key=lambda name: edit_distance(word, name))
    scored = [(score, name) for name in names if (score := _score(folded, _fold(name))) is not None]
    return min(scored)[1] if scored else None


def edit_distance(a: str, b: str, limit: int = 100) -> int:
    """Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; `limit + 1` where more."""
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


def _fold(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())


def _score(word: str, name: str) -> tuple[int, float, int] | None:
    limit = max(1, max(len(word), len(name)) // 3)
    distance = edit_distance(word, name, limit)
    if distance <= limit:
        return distance, -SequenceMatcher(None, word, name).ratio(), -_common_start(word, name)
    # A word left half written, or written with more than it needs: `optim`, `kernel` for `kernel_size`.
    if len(word) >= 4 and (name.startswith(word) or word.startswith(name) and len(name) >= 4):
        return limit + 1, -SequenceMatcher(None, word, name).ratio(), 0
    return None


def _common_start(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

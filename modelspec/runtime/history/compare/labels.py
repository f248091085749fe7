"""Short unique names: of runs by their folders, of settings by their paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path


def labels(paths: Sequence[Path]) -> tuple[str, ...]:
    """The unique end of each path; a folder that is only a number keeps its parent."""
    parts = [path.parts or (str(path),) for path in paths]
    least = [2 if one[-1].isdigit() else 1 for one in parts]
    return shortest(parts, "/".join, least)


def setting_names(paths: Sequence[str]) -> tuple[str, ...]:
    """The last key of each path, with as many before it as are needed to make it unique."""
    return shortest([tuple(path.split(".")) for path in paths], ".".join, [1] * len(paths))


def shortest(
    parts: Sequence[tuple[str, ...]],
    join: Callable[[Sequence[str]], str],
    least: Sequence[int],
) -> tuple[str, ...]:
    """The shortest ends that differ, with at least so many parts."""
    counts = list(least)
    while True:
        found = [join(one[-count:]) for one, count in zip(parts, counts, strict=True)]
        times = Counter(found)
        grown = [
            min(count + 1, len(one)) if times[name] > 1 else count
            for name, one, count in zip(found, parts, counts, strict=True)
        ]
        if grown == counts:
            return tuple(found)
        counts = grown

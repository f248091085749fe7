"""The layers inside a backbone, by their paths: `transformer_layer_0/self_attention_layer`."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def paths_of(weights: Iterable[str]) -> tuple[str, ...]:
    """The paths of all layers that contain weights with these names, outer ones first."""
    found: dict[str, None] = {}
    for name in weights:
        steps = name.split("/")[:-1]
        found |= dict.fromkeys("/".join(steps[:count]) for count in range(1, len(steps) + 1))
    return tuple(found)


def matching(patterns: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that a pattern matches. `*` matches any text within one name."""
    several = [one.split("/") for one in patterns]
    return tuple(path for path in paths if any(_matches(one, path.split("/")) for one in several))


def _matches(pattern: list[str], names: list[str]) -> bool:
    return len(pattern) == len(names) and all(
        fnmatchcase(name, part) for part, name in zip(pattern, names, strict=True)
    )


def is_below(name: str, paths: Iterable[str]) -> bool:
    """Whether a weight belongs to one of the layers, or to a layer inside it."""
    return any(name.startswith(f"{path}/") for path in paths)

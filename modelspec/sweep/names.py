"""Short names of parameters, for tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def short_names(paths: Sequence[str]) -> Mapping[str, str]:
    """By path its shortest end that no other one has: `learning_rate`, `Adam.beta_1`."""
    found = {}
    for path in paths:
        parts = path.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[-count:])
            if sum(other == name or other.endswith(f".{name}") for other in paths) == 1:
                break
        found[path] = name
    return found

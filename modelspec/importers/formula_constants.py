"""Constant tensors in formulas."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .architecture import Unreadable
from .value_forms import plain

_MOST_NUMBERS = 20_000
"""The maximum size of a constant tensor."""


class Numbers(NamedTuple):
    """A constant tensor in a formula, as JSON."""

    text: str

    @property
    def value(self) -> Any:
        """Nested lists of numbers."""
        return json.loads(self.text)


def array_of(value: Any) -> list[Any] | None:
    """The numbers of a constant tensor; None for all other values. Raises `Unreadable` for too many
    numbers.
    """
    try:
        found = plain(value) if isinstance(value, (list, dict)) else None
    except Unreadable:
        return None
    if not isinstance(found, list) or not found:
        return None
    count = _count_of_numbers(found)
    if count is not None and count > _MOST_NUMBERS:
        raise Unreadable(
            f"it uses a constant of more than {_MOST_NUMBERS:,} numbers",
            "save them with `numpy.save`, and write `Constant: {file: numbers.npy}`",
        )
    return found if count else None


def _count_of_numbers(value: Any) -> int | None:
    """The number of numbers in nested lists; None if they contain anything else."""
    if not isinstance(value, list):
        return 1 if isinstance(value, (bool, int, float)) else None
    counts = [_count_of_numbers(one) for one in value]
    return None if None in counts else sum(one or 0 for one in counts)

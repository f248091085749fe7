"""Rows of values that are not stored in columns (JSON objects, mappings from a program), when rows
that differ from most rows are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from modelspec.core.diagnostics import Fault

from .python_values import kind_of

Row = Mapping[str, Any]


class Usual:
    """The properties of most rows: their keys, and the type of each value."""

    def __init__(self, rows: Iterable[Row | Fault], *, absent: bool) -> None:
        """`absent`: any row may lack any key."""
        keys: Counter[str] = Counter()
        kinds: dict[str, Counter[str]] = {}
        count = 0
        for row in rows:
            if isinstance(row, Fault):
                continue
            count += 1
            keys.update(row.keys())
            for name, value in row.items():
                if value is not None:
                    kinds.setdefault(name, Counter())[kind_of(value)] += 1
        self._kinds = {name: found.most_common(1)[0][0] for name, found in kinds.items()}
        self._keys = None if absent else {name for name, had in keys.items() if 2 * had > count}

    def wrong(self, row: Row | Fault, place: str) -> str | None:
        """Why a row is skipped; None if it is like the others."""
        if isinstance(row, Fault):
            return row.message
        if self._keys is not None and row.keys() != self._keys:
            for name in self._keys:
                if name not in row:
                    return f"{place} has no `{name}`"
            other = next(name for name in row if name not in self._keys)
            return f"{place} has a key `{other}`, which most rows lack"
        for name, value in row.items():
            if value is not None and (kind := kind_of(value)) != self._kinds[name]:
                return f"`{name}` is {kind} at {place}, but {self._kinds[name]} in most rows"
        return None

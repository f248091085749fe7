"""Plain values: checks for validators, and how a message describes a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..diagnostics import Path

_LONGEST: Final = 40
"""Characters of a string or list that a message shows."""


def is_int(value: Any) -> bool:
    """Whether the value is an integer; `true` and `false` are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def first_unfit(items: Any, fits: Callable[[Any], bool]) -> Path:
    """The path to the first item of a list that does not fit; empty where the value is not a list,
    or all items fit.
    """
    if not isinstance(items, (tuple, list)):
        return ()
    return next(((index,) for index, item in enumerate(items) if not fits(item)), ())


def describe(value: Any) -> str:
    """A value as a message describes it."""
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"`{value}`"
    if isinstance(value, str):
        return f'the string "{value if len(value) <= _LONGEST else value[: _LONGEST - 3] + "..."}"'
    if isinstance(value, dict):
        return _described_mapping(value)
    if isinstance(value, (tuple, list)):
        return _described_list(value)
    return f"`{type(value).__name__}`"


def _described_mapping(value: Mapping[str, Any]) -> str:
    if not value:
        return "`{}`"
    return f"a mapping ({', '.join(list(value)[:3])}{', ...' if len(value) > 3 else ''})"


def _described_list(value: Sequence[Any]) -> str:
    flat = all(isinstance(item, (int, float, str)) for item in value)
    short = ", ".join(str(item).lower() if isinstance(item, bool) else str(item) for item in value)
    return f"the list [{short}]" if flat and len(short) <= _LONGEST else f"a list of {len(value)}"

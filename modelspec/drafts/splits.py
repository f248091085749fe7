"""How the rows of a table are split into training, validation and test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .profile import Profile
from .roles import Role
from .targets import Target

_TIMES = re.compile(r"(?:^|[_\s.-])(?:date|time|datetime|timestamp|day|year|unixtime)$", re.I)
"""Names of numbers that are times."""
_DISTINCT = 10
"""An order has at least so many different values."""
_MANY = 100_000
"""With more rows, smaller parts are enough to measure."""


class Split(NamedTuple):
    """The split with its reason."""

    value: dict[str, Any]
    reason: str
    by_time: bool = False


def split_of(columns: Sequence[Profile], roles: Sequence[Role], target: Target, rows: int) -> Split:
    """By group where an identifier repeats, by time where a date orders the rows, otherwise
    with the same shares of the classes, or at random.
    """
    parts = _shares(rows)
    group = next((role.name for role in roles if role.kind == "group"), None)
    if group is not None:
        reason = f"rows of one `{group}` resemble each other: all of them are in one part"
        return Split({**parts, "group": group}, reason)
    order = next((one.name for one in columns if _orders(one)), None)
    if order is not None:
        reason = f"the rows are in the order of `{order}`: the latest ones are for the test"
        return Split({**parts, "order": order}, reason, by_time=True)
    return Split(*random_split(target, rows))


def random_split(target: Target, rows: int) -> tuple[dict[str, Any], str]:
    """Parts drawn at random, with the same shares of the classes, and the reason."""
    if target.is_number:
        return dict(_shares(rows)), "at random: nothing orders or groups the rows"
    reason = "the same share of each class in every part"
    return {**_shares(rows), "stratify": target.profile.name}, reason


def _shares(rows: int) -> dict[str, float]:
    share = 0.1 if rows > _MANY else 0.15
    return {"validation": share, "test": share}


def _orders(one: Profile) -> bool:
    """Whether the rows are in the order of a time."""
    if one.missing or one.distinct < _DISTINCT:
        return False
    if one.kind == "date":
        times = one.instants
    elif one.kind == "number" and _TIMES.search(one.name):
        times = one.values
    else:
        return False
    steps = np.diff(times)
    return bool(np.all(steps >= 0) or np.all(steps <= 0))

"""The role of each column that is not the target: how it is prepared, or why it is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from .profile import Profile
from .targets import Target, shown

Kind = Literal["number", "skewed", "one_hot", "embedding", "text", "date", "group", "out"]

_ID = re.compile(r"(?:^|[_\s.-])(?i:id|ids|uuid|guid|key|index|rownames)$|[a-z]I[dD]$|^Unnamed")
"""Names of identifiers."""
_CODE = re.compile(r"(?:^|[_\s.-])(?:code|zip|zipcode|postcode|type|kind|cat|category)$", re.I)
"""Names of numbers that have no order."""
_TEXT_WORDS = 5
"""Strings of so many words on average are text."""
_ONE_HOT = 32
"""Categories with at most so many values are encoded as one column for each."""
FREQUENT = 5
"""A category with fewer rows is not looked up: too little is known about it."""
_COVERED = 0.5
"""The share of rows that frequent categories have at least."""
_SKEW = 2.0
_SKEWED_VALUES = 20
"""A skewed column has more different values than that."""
_LARGE = 3.0
"""Smaller numbers hardly change by `log1p`."""
_GROUPS = 20
_GROUP_ROWS = 1.5
"""An identifier repeats if its values have so many rows on average."""
_MOST_MISSING = 0.95
_COPIES = 20
"""Fewer rows do not prove that a column is a copy of another."""
_EXACT = 1 - 1e-9
"""The correlation of a column that is a linear function of another."""


class Role(NamedTuple):
    """What becomes of a column."""

    profile: Profile
    kind: Kind
    reason: str = ""

    @property
    def name(self) -> str:
        return self.profile.name


def roles_of(columns: Sequence[Profile], target: Target) -> list[Role]:
    """The role of every column, in order."""
    found: list[Role] = []
    for one in columns:
        role = _left_out(one, target, found) or _used(one)
        found.append(role)
    groups = [role for role in found if role.kind == "group"]
    for role in groups[1:]:
        found[found.index(role)] = role._replace(kind="out", reason="an identifier")
    return found


# Left out -----------------------------------------------------------------------------------------


def _left_out(one: Profile, target: Target, before: Sequence[Role]) -> Role | None:
    """The role of a column that no input uses; None for the others."""
    if one.kind == "array":
        return _out(one, "lists, which this draft does not use")
    if one.not_finite:
        return _out(one, "NaN or infinite numbers, which no `missing` replaces")
    if not one.distinct:
        return _out(one, "no values")
    if one.distinct == 1 and not one.missing:
        return _out(one, f"the same value in every row: {shown(one.labels[0])}")
    if one.missing > _MOST_MISSING * one.rows:
        return _out(one, f"more than {_MOST_MISSING:.0%} of the rows have no value")
    if one.kind == "date":
        return None
    if _is_identifier(one):
        return _identifier(one)
    if (leak := _leak(one, target)) is not None:
        return _out(one, leak)
    if (copied := _copied(one, before)) is not None:
        return _out(one, f"the same information as `{copied}`")
    return None


def _out(one: Profile, reason: str) -> Role:
    return Role(one, "out", reason)


def _is_identifier(one: Profile) -> bool:
    """Whether values only name rows: an identifier by its name, or unique and without meaning."""
    known = one.rows - one.missing
    unique = one.distinct == known and known > _COPIES
    is_whole = one.kind == "string" or one.as_integers
    if is_whole and _ID.search(one.name) and one.distinct > min(_GROUPS, known // 2):
        return True
    if one.kind == "string":
        return unique and float(np.mean(one.words)) < _TEXT_WORDS
    return unique and one.as_integers and _counts_up(one)


def _counts_up(one: Profile) -> bool:
    """Whether integers are the numbers of the rows."""
    steps = np.diff(one.known)
    return len(steps) > 0 and bool(np.all(steps == 1))


def _identifier(one: Profile) -> Role:
    known = one.rows - one.missing
    if not one.missing and known >= _GROUP_ROWS * one.distinct and one.distinct >= _GROUPS:
        return Role(one, "group", "an identifier that repeats")
    if one.distinct == known:
        return _out(one, "another value in every row: an identifier")
    return _out(one, "an identifier, by its name")


def _leak(one: Profile, target: Target) -> str | None:
    """Why a column contains the target itself; None if it does not."""
    name = target.profile.name
    if target.is_number:
        if one.kind == "number" and _linear(one, target.profile):
            return f"a copy of the target `{name}` in another unit: it would be unknown"
        return None
    if _same_information(one, target.profile):
        return f"each of its values is one class of the target `{name}`: it would be unknown"
    return None


def _copied(one: Profile, before: Sequence[Role]) -> str | None:
    """The earlier column with the same information."""
    for role in before:
        if role.kind in ("out", "group", "date") or role.profile.missing > one.missing:
            continue
        other = role.profile
        if one.kind == other.kind == "number":
            if one.distinct == other.distinct and _linear(one, other):
                return other.name
        elif _same_information(one, other):
            return other.name
    return None


def _linear(one: Profile, other: Profile) -> bool:
    """Whether two columns of numbers are linear functions of each other."""
    both = ~one.lacking & ~other.lacking
    if np.count_nonzero(both) < _COPIES or np.count_nonzero(both) < one.rows // 2:
        return False
    first, second = one.values[both], other.values[both]
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return False
    return bool(abs(np.corrcoef(first, second)[0, 1]) >= _EXACT)


def _same_information(one: Profile, other: Profile) -> bool:
    """Whether each value of one column belongs to one value of the other, and the reverse."""
    if one.distinct != other.distinct or one.distinct < 2:
        return False
    both = (one.codes >= 0) & (other.codes >= 0)
    count = int(np.count_nonzero(both))
    if count < max(_COPIES, 2 * one.distinct) or count < one.rows // 2:
        return False
    pairs = np.unique(one.codes[both] * other.distinct + other.codes[both])
    return len(pairs) == one.distinct


# Used ---------------------------------------------------------------------------------------------


def _used(one: Profile) -> Role:
    if one.kind == "date":
        return Role(one, "date")
    if one.kind == "number" and not (one.as_integers and _CODE.search(one.name)):
        return Role(one, "skewed" if _is_skewed(one) else "number")
    if one.kind == "string" and one.distinct > _ONE_HOT:
        words = float(np.mean(one.words))
        if words >= _TEXT_WORDS:
            return Role(one, "text", f"text of {words:.0f} words on average")
    return _category(one)


def _is_skewed(one: Profile) -> bool:
    known = one.known
    return bool(
        np.min(known) >= 0
        and one.distinct > _SKEWED_VALUES
        and one.skew > _SKEW
        and np.quantile(known, 0.9) >= _LARGE
    )


def _category(one: Profile) -> Role:
    if one.distinct <= _ONE_HOT:
        return Role(one, "one_hot", f"{one.distinct} different values")
    frequent = one.counts >= FREQUENT
    covered = float(np.sum(one.counts[frequent]) / max(1, np.sum(one.counts)))
    if covered < _COVERED:
        return _out(
            one,
            f"{one.distinct:,} different values, most of them in fewer than {FREQUENT} rows:"
            " nothing can be learned about one",
        )
    return Role(one, "embedding", f"{one.distinct:,} different values, too many for a column each")

"""The target of a draft: which column it is, and whether its values are classes or numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from modelspec.core.diagnostics import listed, nearest

from .problem import NoDraft
from .profile import Profile

_NAMES = (
    "target",
    "label",
    "labels",
    "class_label",
    "target_class",
    "survived",
    "outcome",
    "diagnosis",
    "churn",
    "churned",
    "default",
    "is_fraud",
    "fraud",
    "spam",
    "species",
    "quality",
    "sentiment",
    "category",
    "class",
    "price",
    "saleprice",
    "sale_price",
    "median_house_value",
    "medhouseval",
    "income",
    "salary",
    "score",
    "rating",
    "result",
    "output",
    "y",
)
"""Common names of targets, in lower case, the clearest ones first."""
_COORDINATES = frozenset({"x", "y", "z"})
"""`y` is not a target beside both others."""
_INTEGER_CLASSES = 20
"""Integers with at most so many different values are classes."""
_ROWS_PER_CLASS = 5
"""A class has at least so many rows on average, otherwise the values are not classes."""
_MOST_CLASSES = 1000
RARE = 5
"""A class with fewer rows cannot be split into parts."""
_SKEW = 3.0
"""A positive target that is more skewed is learned as its logarithm.

The largest values of such a target otherwise dominate the loss. Below that the logarithm costs more
than it gains: what the model gets wrong for a row outside of the usual range becomes a factor.
"""

Task = Literal["binary", "classes", "number"]


class Target(NamedTuple):
    """The target, and what is learned."""

    profile: Profile
    why: str
    """Why it is this column."""
    task: Task
    reason: str
    """Why its values are classes, or numbers."""
    rare: tuple[object, ...] = ()
    """Classes with too few rows."""
    logarithm: bool = False
    """Whether the logarithm of the number is learned."""

    @property
    def classes(self) -> int:
        return self.profile.distinct - len(self.rare)

    @property
    def labels(self) -> list[object]:
        """The labels of the classes, in order."""
        return [one for one in self.profile.labels.tolist() if one not in self.rare]

    @property
    def is_number(self) -> bool:
        return self.task == "number"

    @property
    def baseline(self) -> float:
        """The accuracy of always predicting the most frequent class."""
        return float(np.max(self.profile.counts) / max(1, np.sum(self.profile.counts)))


def chosen(names: Sequence[str], wanted: str | None, shown: str) -> tuple[str, str]:
    """The column of the target, and the reason. Raises `NoDraft`."""
    if wanted is not None:
        if wanted not in names:
            near = nearest(wanted, names)
            some = listed(list(names[:12])) + (" and more" if len(names) > 12 else "")
            help = f"did you mean `{near}`?" if near else f"its columns are {some}"
            raise NoDraft(f"`{shown}` has no column `{wanted}`", help)
        return wanted, "given with --target"
    if (found := _by_name(names)) is not None:
        return found, "by its name"
    return names[-1], "the last column; no column has a common name of a target"


def _by_name(names: Sequence[str]) -> str | None:
    by_name: Mapping[str, str] = {_folded(name): name for name in reversed(names)}
    for common in _NAMES:
        is_coordinate = common == "y" and set(by_name) >= _COORDINATES
        if common in by_name and not is_coordinate:
            return by_name[common]
    return None


def _folded(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip()).lower()


def target_of(profile: Profile, why: str) -> Target:
    """The task that a column defines. Raises `NoDraft` if its values cannot be learned."""
    name, distinct = profile.name, profile.distinct
    known = profile.rows - profile.missing
    help = "name another column with --target"
    if profile.kind == "array":
        raise NoDraft(f"the target `{name}` has lists, not single values", help)
    if profile.not_finite:
        raise NoDraft(f"the target `{name}` has NaN or infinite numbers", "remove these rows")
    if not known:
        raise NoDraft(f"the target `{name}` has no values", help)
    if distinct == 1:
        only = shown(profile.labels[0])
        raise NoDraft(f"the target `{name}` has the same value in every row: {only}", help)
    if profile.kind == "date":
        raise NoDraft(f"the target `{name}` is a date, which is neither a class nor a number", help)
    if profile.kind == "number" and not _are_classes(profile, known):
        return _number(profile, why)
    many = distinct > _MOST_CLASSES or distinct * 2 > known
    if many and known > 2 * _ROWS_PER_CLASS:
        raise NoDraft(
            f"the target `{name}` has {distinct:,} different values in {known:,} rows:"
            " these are not classes",
            help,
        )
    return _classes(profile, why)


def _are_classes(profile: Profile, known: int) -> bool:
    """Whether numbers are classes: few different integers, each in several rows."""
    if not profile.whole:
        return False
    if profile.distinct == 2:
        return True
    few = profile.distinct <= _INTEGER_CLASSES and profile.as_integers
    return few and known >= _ROWS_PER_CLASS * profile.distinct


def _number(profile: Profile, why: str) -> Target:
    what = "integers" if profile.whole else "numbers with fractions"
    reason = f"{profile.distinct:,} different {what}: a regression"
    known = profile.known
    logarithm = bool(np.min(known) >= 0 and profile.skew > _SKEW)
    return Target(profile, why, "number", reason, logarithm=logarithm)


def _classes(profile: Profile, why: str) -> Target:
    rare = tuple(profile.labels[profile.counts < RARE].tolist())
    if profile.distinct - len(rare) < 2:
        rare = ()
    left = profile.distinct - len(rare)
    kind = "integers" if profile.kind == "number" else "strings"
    reason = f"{profile.distinct} different {kind}: classes"
    return Target(profile, why, "binary" if left == 2 else "classes", reason, rare)


def output_name(target: Target, names: Collection[str]) -> str:
    """The wanted name of the output: that of the column, unless the language uses it."""
    folded = _folded(target.profile.name)
    if folded not in names:
        return target.profile.name
    return "value" if target.is_number else "label"


def shown(value: object) -> str:
    """A value in a sentence; the beginning of a long one."""
    text = f"{value:g}" if isinstance(value, float) else f'"{value}"'
    return text if len(text) <= 40 else f'{text[:36]}..."'

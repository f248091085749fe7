"""Expectations over all folds of a split: `test_accuracy: {mean: ">= 0.9"}` of a spec whose `sweep`
makes every trial all folds. A single run does not decide them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from modelspec.core.diagnostics import listed
from modelspec.core.source import Entry, Mapping

from .expect_section import Expectation, Over

_OVER: Final[Over] = "mean"
_FRONT: Final = "test_"


def is_over_folds(one: Expectation) -> bool:
    """Whether an expectation of a spec with folds is about all of them: a metric of the test part
    has one value for each run.
    """
    return one.over == _OVER and one.part == "test"


def decided_by_sweep(found: Iterable[Expectation]) -> str:
    """Which command decides some expectations over folds: `` `modelspec sweep` decides
    `test_accuracy.mean` ``; empty without any.
    """
    keys = [f"{one.key}.{_OVER}" for one in found]
    return f"`modelspec sweep` decides {listed(keys)}" if keys else ""


def without_fold_expectations(root: Mapping) -> Mapping:
    """The document without expectations over folds, for the run of one fold."""
    entry = root.entries.get("expect")
    if entry is None or not isinstance(entry.value, Mapping):
        return root
    kept: dict[str, Entry] = {}
    for key, one in entry.value.entries.items():
        if key.startswith(_FRONT) and isinstance(one.value, Mapping):
            rest = {over: each for over, each in one.value.entries.items() if over != _OVER}
            if rest:
                kept[key] = one._replace(value=Mapping(rest, one.value.span))
        else:
            kept[key] = one
    entries = {key: one for key, one in root.entries.items() if key != "expect"}
    if kept:
        entries["expect"] = entry._replace(value=Mapping(kept, entry.value.span))
    return Mapping(entries, root.span)

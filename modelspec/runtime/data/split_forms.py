"""The parts of examples by the values of an ordered column, by a column that names the part, and by
folds. Every function returns the positions of each part, ascending and disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelspec.compiler.spec.data_split import PART_NAMES, SPLITS, border_key
from modelspec.compiler.spec.times import Time, read_number

from .split import Positions, of_draws
from .table import Array


def by_borders(ordered: Array, borders: Array) -> Mapping[str, Positions]:
    """The parts of examples whose `ordered` values are compared with one or two `borders` of the
    same kind: a value equal to a border is in the later part. With one border the validation part
    is empty.
    """
    number = np.searchsorted(borders, ordered, side="right")
    names = ("train", "validation", "test") if len(borders) == 2 else ("train", "test")
    found = {name: np.flatnonzero(number == at) for at, name in enumerate(names)}
    return {"validation": np.zeros(0, np.int64), **found}


def kind_of(key: Time | int | float | None) -> str:
    """The kind of a value in an ordered column, in words."""
    if isinstance(key, Time):
        return "times with a UTC offset" if key.offset else "times without a UTC offset"
    return "numbers"


def kind_of_text(text: Any) -> str:
    """The same for a cell."""
    return kind_of(border_key(str(text)))


# By a column of parts -----------------------------------------------------------------------------


def by_names(values: Array, named: Mapping[str, tuple[Any, ...]] | None) -> tuple[Array, Array]:
    """The number of the part of each example (0: train, 1: validation, 2: test), as [examples] of
    int64, and which examples have a value that is not a part. `named` are values by part.
    """
    different, of_example = np.unique(
        values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True
    )
    known = [(name, item) for name, items in (named or {}).items() for item in items]
    numbers = np.array([_part_of(one, known) for one in different.tolist()], np.int64)
    found = numbers[of_example]
    return found, found < 0


def _part_of(value: Any, known: list[tuple[str, Any]]) -> int:
    """The number of the part of a value; -1 if it is not a part."""
    for name, item in known:
        if _equal(value, item):
            return SPLITS.index(name)
    return SPLITS.index(PART_NAMES[value]) if value in PART_NAMES else -1


def _equal(value: Any, written: Any) -> bool:
    """Whether a cell equals a value of the spec: `2024` equals `2024.0`, `"2024"` the string."""
    if isinstance(value, str) and isinstance(written, str):
        return value == written
    if isinstance(value, bool) or isinstance(written, bool):
        return str(value).lower() == str(written).lower()
    if isinstance(value, str):
        number = read_number(value.strip())
        return number is not None and number == written
    number = read_number(written.strip()) if isinstance(written, str) else written
    return number is not None and bool(value == number)


# Folds --------------------------------------------------------------------------------------------


def folds_of(draws: NDArray[np.float64], folds: int, key: str, values: Array | None) -> Array:
    """The fold whose test part contains each example, as [examples] of int64; -1: none.

    The examples are distributed to the folds one by one, in the order of their random numbers:
    folds differ by at most one example. With `stratify` the examples of one value follow those of
    another, so that every value is spread to within one example. With `group` whole groups are
    distributed, the largest first, each to the smallest fold. With `order` the ordered examples are
    split into `folds` + 1 pieces, the first of which is in no fold; equal values stay in the later
    piece.
    """
    if values is not None and key == "order":
        return _pieces(values, folds)
    if values is not None and key == "group":
        return _whole_groups(draws, folds, values)
    strata = np.zeros(len(draws)) if values is None else np.unique(values, return_inverse=True)[1]
    found = np.empty(len(draws), np.int64)
    found[np.lexsort((draws, strata))] = np.arange(len(draws)) % folds
    return found


def _pieces(values: Array, folds: int) -> Array:
    ordered = np.sort(values, kind="stable")
    places = np.array([len(values) * piece // (folds + 1) for piece in range(1, folds + 1)])
    borders = ordered[np.minimum(places, len(values) - 1)]
    return np.searchsorted(borders, values, side="right") - 1


def _whole_groups(draws: NDArray[np.float64], folds: int, groups: Array) -> Array:
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    filled = np.zeros(folds, np.int64)
    fold_of = np.zeros(len(sizes), np.int64)
    for one in np.lexsort((draws[first], -sizes)):
        fold_of[one] = np.argmin(filled)
        filled[fold_of[one]] += sizes[one]
    found: Array = fold_of[group]
    return found


def by_fold(
    draws: NDArray[np.float64],
    fold_of: Array,
    fold: int,
    validation: float,
    key: str,
    values: Array | None,
) -> Mapping[str, Positions]:
    """One fold as the test, and of the rest the share `validation`: at random, of every stratum, in
    whole groups, or with `order` the last examples before the fold.
    """
    rest = np.flatnonzero(fold_of < fold if key == "order" else fold_of != fold)
    column = {key: values[rest]} if values is not None else {}
    found = of_draws(
        draws[rest],
        validation,
        0.0,
        column.get("stratify"),
        groups=column.get("group"),
        times=column.get("order"),
    )
    kept = {part: rest[found[part]] for part in ("train", "validation")}
    return {**kept, "test": np.flatnonzero(fold_of == fold)}

"""Cross-validation: the folds of the split of a spec, and what their runs predict together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import fsum, sqrt
from typing import Any, Generic, NamedTuple, TypeVar

from ..pipeline import Compiled
from ..spec.sweep_section import FOLD

Id = TypeVar("Id", bound=Hashable)
Row = TypeVar("Row")


class Fold(NamedTuple):
    """One fold: a run of its own."""

    number: int
    """From 0."""
    overrides: dict[str, Any]
    """The values by path that make a spec the run of this fold: its test part is the fold."""


def folds_of(compiled: Compiled) -> tuple[Fold, ...]:
    """The folds of `data.split`, in their order; empty if the split has none."""
    split = compiled.data.split if compiled.data is not None else None
    if split is None or split.folds is None:
        return ()
    return tuple(Fold(number, {FOLD: number}) for number in range(split.folds))


class OutOfFold(NamedTuple, Generic[Id, Row]):
    """The predictions of the runs of all folds together."""

    ids: tuple[Id, ...]
    """Every row once."""
    folds: tuple[int, ...]
    """The fold whose run predicted each: the one that did not train on it."""
    rows: tuple[Row, ...]


def in_order(parts: Sequence[tuple[Sequence[Id], Sequence[Row]]]) -> OutOfFold[Id, Row]:
    """The predictions for the test parts of all folds, sorted by their ids. Each part is the ids
    of its rows, and the prediction of each.

    Raises `ValueError` if a part has not one prediction for each id, or an id is in two parts.
    """
    found: list[tuple[Id, int, Row]] = []
    seen: dict[Id, int] = {}
    for fold, (ids, rows) in enumerate(parts):
        if len(ids) != len(rows):
            raise ValueError(f"fold {fold} has {len(ids)} rows and {len(rows)} predictions")
        for one, row in zip(ids, rows, strict=True):
            if one in seen:
                raise ValueError(f"row {one} is in fold {seen[one]} and in fold {fold}")
            seen[one] = fold
            found.append((one, fold, row))
    found.sort(key=lambda each: each[0])  # type: ignore[arg-type, return-value]  # ids of one source
    ids_, folds, rows_ = zip(*found, strict=True) if found else ((), (), ())
    return OutOfFold(tuple(ids_), tuple(folds), tuple(rows_))


class OverFolds(NamedTuple):
    """A metric over the folds."""

    mean: float
    std: float
    """The standard deviation of the folds, with n - 1 in the denominator; 0 for one fold."""
    values: tuple[float, ...]


def over_folds(values: Iterable[float]) -> OverFolds:
    """The mean and the standard deviation of a metric of the runs of all folds."""
    found = tuple(map(float, values))
    if not found:
        raise ValueError("no fold has a value")
    mean = fsum(found) / len(found)
    spread = fsum((one - mean) ** 2 for one in found)
    return OverFolds(mean, sqrt(spread / (len(found) - 1)) if len(found) > 1 else 0.0, found)

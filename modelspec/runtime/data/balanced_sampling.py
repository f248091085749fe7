"""`data.balance`: each epoch draws the same number of training examples of every class.

The draws depend only on the seed and the epoch. Each class goes through its examples in a random
order, continues there in the next epoch, and draws a new order when all have been used: no example
is used twice as often as another one of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspec.compiler.spec.data_section import DataSection

from .errors import Findings, places
from .examples import Examples
from .split import Positions
from .split_column import is_text
from .table import Array, is_nothing

_STREAM: Final = 7
"""Separates these random numbers from those of the split, the order and `augment`."""


@dataclass(frozen=True)
class Sampling:
    """The classes from which an epoch is drawn."""

    classes: Array
    """The number of the class of every example of the source."""
    examples: int | None = None
    """The number of examples of an epoch; None: as many as there are."""

    def size(self, positions: Positions) -> int:
        """The number of examples of an epoch of the examples at some positions."""
        return len(positions) if self.examples is None else self.examples

    def drawn(self, positions: Positions, seed: int, epoch: int) -> Positions:
        """The positions that an epoch (from 0) draws, sorted by class."""
        classes = self.classes[positions]
        kinds = np.unique(classes)
        each, more = divmod(self.size(positions), len(kinds))
        parts = [
            _turn(positions[classes == kind], each + (place < more), seed, epoch, int(kind))
            for place, kind in enumerate(kinds)
        ]
        return np.concatenate(parts)


def _turn(members: Positions, count: int, seed: int, epoch: int, kind: int) -> Positions:
    """The examples of a class that an epoch draws: the next `count` of its endless sequence of
    permutations.
    """
    begin, end = epoch * count, (epoch + 1) * count
    passes = range(begin // len(members), -(-end // len(members)))
    found = [_permuted(members, seed, kind, number) for number in passes]
    first = begin - begin // len(members) * len(members)
    return np.concatenate([*found, members[:0]])[first : first + count]


def _permuted(members: Positions, seed: int, kind: int, number: int) -> Positions:
    sequence = np.random.SeedSequence([seed, _STREAM, kind, number])
    return np.random.Generator(np.random.PCG64(sequence)).permutation(members)


def sampling_of(
    data: DataSection, examples: Examples, train: Positions, findings: Findings
) -> Sampling | None:
    """How the training examples of a source are drawn; None without `balance`, or after reporting
    MS696 if the column does not determine a class of every training example.
    """
    balance = data.balance
    if balance is None:
        return None
    table, name = examples.table, balance.column
    span = data.spans.get(("balance", "column"), data.span)
    values = table.column(name, span, text=is_text(data, name))
    if values.ndim > 2 or (values.dtype == object and not isinstance(next(iter(values), ""), str)):
        findings.error(
            "MS696",
            f"`{name}` of {table.name} has the shape {values.shape}, but `balance` requires a class"
            " or a one-hot vector for each example",
            span,
        )
        return None
    values = values if examples.rows is None else values[examples.rows]
    lacking = _lacking(values)[train]
    if lacking.any():
        bad = train[np.flatnonzero(lacking)]
        rows = bad if examples.rows is None else examples.rows[bad]
        shown = [table.place(name, (int(row),)) for row in rows[:10]]
        findings.error(
            "MS696",
            f"`{name}` has no value at {shown[0]}, but `balance` requires a class for each training"
            " example",
            span,
            notes=places(shown, len(bad)),
            help="leave out such rows, e.g. `where: class is not missing`",
        )
        return None
    found = Sampling(_numbered(values), balance.examples)
    return found if _fit(name, found, train, data, findings) else None


def _lacking(values: Array) -> Array:
    """Which examples have no class."""
    missing = is_nothing(values)
    if values.dtype.kind == "f":
        missing = missing | np.isnan(values)
    return np.asarray(missing.any(axis=1)) if missing.ndim == 2 else missing


def _numbered(values: Array) -> Array:
    """The number of the class of each example, in sorted order."""
    texts = values.astype(str) if values.dtype.kind == "O" else values
    axis = 0 if texts.ndim == 2 else None
    return np.unique(texts, axis=axis, return_inverse=True)[1].reshape(len(values))


def _fit(
    name: str, sampling: Sampling, train: Positions, data: DataSection, findings: Findings
) -> bool:
    """Whether the classes can be equally frequent; MS696 if not."""
    kinds, size = len(np.unique(sampling.classes[train])), sampling.size(train)
    span = data.spans.get(("balance", "column"), data.span)
    if kinds == 1:
        findings.error(
            "MS696",
            f"all {len(train):,} training examples have the same value of `{name}`, so `balance`"
            " has no effect",
            span,
            help="remove `balance`, or name the column of the classes",
        )
    elif kinds > size:
        findings.error(
            "MS696",
            f"an epoch has {size:,} examples, too few for the {kinds:,} values of `{name}`",
            data.spans.get(("balance", "examples"), span),
            help=f"set `examples` to at least {kinds}",
        )
    elif kinds == len(train):
        findings.error(
            "MS696",
            f"each of the {kinds:,} training examples has another value of `{name}`, so these are"
            " not classes",
            span,
            help="name the column of the classes",
        )
    else:
        return True
    return False

"""Columns read together: completely where they are small, otherwise block by block."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from modelspec.core.diagnostics import Span

from .columns import Bound
from .errors import DataError, Findings
from .table import BLOCK, Array, Table

MEMORY = 256 * 2**20
"""Maximum bytes of a source, and of its prepared data, that is kept in memory."""
ONCE = 32 * 2**20
"""The same for a source that is read once, by `evaluate` or `predict`: reading it again costs
little.
"""


class ColumnReader:
    """Reads some columns of a table, repeatedly, in blocks of one size."""

    def __init__(
        self,
        table: Table,
        names: tuple[str, ...],
        whole: Mapping[str, Array] | None,
        texts: Collection[str] = (),
    ) -> None:
        self.table = table
        self.names = names
        self._whole = whole
        self._texts = texts

    def blocks(self) -> Iterator[tuple[int, Mapping[str, Array]]]:
        """Blocks of consecutive examples, each with the position of its first example."""
        start = 0
        for block in self._evenly() if self._whole is None else self._parts(self._whole):
            yield start, block
            start += len(next(iter(block.values())))

    @staticmethod
    def _parts(whole: Mapping[str, Array]) -> Iterator[Mapping[str, Array]]:
        count = len(next(iter(whole.values()), ()))
        for start in range(0, count, BLOCK):
            yield {name: values[start : start + BLOCK] for name, values in whole.items()}

    def _evenly(self) -> Iterator[Mapping[str, Array]]:
        """Results depend on the block sizes, so blocks have the same sizes for every kind of
        file.
        """
        kept: dict[str, Array] | None = None
        for block in self.table.blocks(self.names, BLOCK, self._texts):
            kept = (
                block
                if kept is None
                else {name: _joined(kept[name], block[name]) for name in self.names}
            )
            while (count := len(kept[self.names[0]])) >= BLOCK:
                yield {name: values[:BLOCK] for name, values in kept.items()}
                kept = {name: values[BLOCK:] for name, values in kept.items()}
                if count == BLOCK:
                    break
        if kept is not None and len(kept[self.names[0]]):
            yield kept


def _joined(one: Array, other: Array) -> Array:
    return other if not len(one) else np.concatenate([one, other])


def open_columns(
    table: Table,
    features: Iterable[Bound],
    others: Mapping[str, Span | None],
    findings: Findings,
    *,
    texts: Collection[str] = (),
    once: bool = False,
) -> ColumnReader | None:
    """The columns of features and `others` (by name, with the place that names them); None, with
    findings, where one cannot be read. `texts` are read as strings, unconverted. `once`: keeps less
    in memory.
    """
    spans = _places(features, others)
    large = table.size_hint is not None and table.size_hint > memory_limit(once=once)
    wanted = {name: span for name, span in spans.items() if not (large and name in table)}
    whole = _read(table, wanted, texts, findings)
    if whole is None or _unequal(
        {name: len(values) for name, values in whole.items()}, table, findings
    ):
        return None
    return ColumnReader(table, tuple(spans), None if large else whole, texts)


def memory_limit(*, once: bool) -> int:
    """Maximum bytes of a source that is kept in memory."""
    return min(ONCE, MEMORY) if once else MEMORY


def _places(features: Iterable[Bound], others: Mapping[str, Span | None]) -> dict[str, Span | None]:
    """Each column once, with the first place that names it."""
    found: dict[str, Span | None] = {}
    for bound in features:
        for name in bound.names:
            found.setdefault(name, bound.at(name))
    for name, span in others.items():
        found.setdefault(name, span)
    return found


def _read(
    table: Table, wanted: Mapping[str, Span | None], texts: Collection[str], findings: Findings
) -> dict[str, Array] | None:
    """Complete columns; None, with a finding for each error, where one cannot be read."""
    found: dict[str, Array] = {}
    for name, span in wanted.items():
        try:
            found[name] = table.column(name, span, text=name in texts)
        except DataError as error:
            findings.extend(error.diagnostics)
    return found if len(found) == len(wanted) else None


def _unequal(lengths: Mapping[str, int], table: Table, findings: Findings) -> bool:
    """MS611: arrays of one source with different numbers of examples."""
    if len(set(lengths.values())) <= 1:
        return False
    counts = [f"`{name}` has {count:,}" for name, count in lengths.items()]
    findings.error(
        "MS611",
        f"the arrays of {table.name} have different numbers of examples: "
        f"{', '.join(counts[:-1])} and {counts[-1]}",
        table.span,
        help="the first axis of every array must have one entry per example",
    )
    return True

"""The examples of each part: split by the section's `split`, or given as separate sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection, Split
from modelspec.compiler.spec.data_split import PART_NAMES, SPLITS, border_key
from modelspec.compiler.spec.model_inputs import InputSpec
from modelspec.core.diagnostics import Span, nearest

from .checks import check_count
from .errors import Findings
from .split import Positions, draws_of, everything, of_draws
from .split_column import CountedSource, SplitColumn, split_column
from .split_forms import by_borders, by_fold, by_names, folds_of, kind_of, kind_of_text
from .table import Array
from .times import order_of

__all__ = ["PURPOSE", "CountedSource", "check_batches", "check_last_batch", "cut", "seed_of"]

PURPOSE = {"train": "training", "validation": "validation", "test": "the test"}


def cut(
    compiled: Compiled,
    data: DataSection,
    sources: Mapping[str, CountedSource],
    findings: Findings,
) -> dict[str, Positions]:
    """The positions of every nonempty part, among the examples that are kept."""
    if data.split is None:
        return {part: everything(one.size) for part, one in sources.items()}
    source = sources["train"]
    column = split_column(data, source, findings)
    findings.stop_if_wrong()
    found = _Cut(compiled, data, data.split, source, column, findings).parts()
    findings.stop_if_wrong()
    groups = ""
    if column is not None and column.key == "group":
        groups = f" in {_different(column)} groups"
    _check_none_empty(found, data, source, groups, findings)
    return {part: found[part] for part in PURPOSE if len(found[part])}


@dataclass(frozen=True)
class _Cut:
    """One source that is split."""

    compiled: Compiled
    data: DataSection
    split: Split
    source: CountedSource
    column: SplitColumn | None
    findings: Findings

    def parts(self) -> Mapping[str, Positions]:
        """The positions of every part; empty, with findings, if the column does not determine
        them.
        """
        if self.column is not None and self.split.column is not None:
            return self._by_names(self.column)
        if self.column is not None and self.split.at is not None:
            return self._by_borders(self.column, self.split.at)
        key = self.column.key if self.column is not None else ""
        values = self.column.comparable() if self.column is not None else None
        self.findings.stop_if_wrong()
        draws = draws_of(seed_of(self.split, self.compiled), self.source.size, self.source.in_file)
        if self.split.folds is not None:
            return self._by_fold(draws, self.split.folds, key, values)
        by = {key: values}
        return of_draws(
            draws,
            self.split.validation,
            self.split.test,
            by.get("stratify"),
            groups=by.get("group"),
            times=by.get("order"),
        )

    def _by_names(self, column: SplitColumn) -> Mapping[str, Positions]:
        """The parts that a column names; MS654 for a value that does not name a part."""
        if not column.all_given():
            return {}
        numbers, bad = by_names(column.values, self.split.parts)

        def message(place: str) -> str:
            value = column.values[int(np.argmax(bad))]
            shown = f'"{value}"' if isinstance(value, str) else str(value)
            return f"`{column.name}` is {shown} at {place}, which does not name a part"

        near = nearest(str(column.values[int(np.argmax(bad))]), PART_NAMES) if bad.any() else None
        help = "map the values to parts: `parts: {test: [2024]}`"
        if column.report(bad, message, f"is it `{near}`?" if near else help, "MS654"):
            return {}
        return {part: np.flatnonzero(numbers == at) for at, part in enumerate(SPLITS)}

    def _by_borders(self, column: SplitColumn, at: tuple[Any, ...]) -> Mapping[str, Positions]:
        """The parts between the borders; MS657 if a border cannot be compared with the column."""
        values = column.comparable()
        self.findings.stop_if_wrong()
        assert values is not None
        texts = column.values.dtype.kind in "OU"
        held = kind_of_text(column.values[0]) if texts else "numbers"
        for index, border in enumerate(at):
            if (kind := kind_of(border_key(border))) != held:
                self.findings.error(
                    "MS657",
                    f"`at` contains {border}, but `{column.name}` of {self.source.table.name}"
                    " contains"
                    f" {held}, which cannot be compared with {kind}",
                    self.data.spans.get(("split", "at", index), column.span),
                    help=f"write borders in the form of the column's values: {column.values[0]}",
                )
        self.findings.stop_if_wrong()
        if not texts:
            return by_borders(values, np.array([border_key(one) for one in at]))
        # Ranks are comparable only among strings that are ranked together.
        ranks = order_of(np.array([*column.values, *map(str, at)], object))
        assert isinstance(ranks, np.ndarray)
        return by_borders(ranks[: -len(at)], ranks[-len(at) :])

    def _by_fold(
        self, draws: Array, folds: int, key: str, values: Array | None
    ) -> Mapping[str, Positions]:
        """One fold against the others; MS618 if one of the folds has no examples."""
        fold_of = folds_of(draws, folds, key, values)
        sizes = np.bincount(fold_of[fold_of >= 0], minlength=folds)
        if not sizes.all():
            self.findings.error(
                "MS618",
                f"cannot make {folds} folds from {self.source.size} examples"
                f"{self._of_values(key)}: fold {int(np.argmin(sizes))} would be empty",
                self.data.spans.get(("split", "folds"), self.data.span),
                help="use fewer `folds`, or add examples",
            )
            return {}
        return by_fold(draws, fold_of, self.split.fold, self.split.validation, key, values)

    def _of_values(self, key: str) -> str:
        if self.column is None or key not in ("group", "order"):
            return ""
        count = _different(self.column)
        return f" in {count} groups" if key == "group" else f" with {count} values of `order`"


def seed_of(split: Split, compiled: Compiled) -> int:
    """The seed from which the random numbers of a split are drawn."""
    return compiled.file.seed if split.seed is None else split.seed


def _different(column: SplitColumn) -> int:
    """The number of distinct values in a column."""
    values = column.values
    return len(np.unique(values.astype(str) if values.dtype.kind == "O" else values))


def _check_none_empty(
    found: Mapping[str, Positions],
    data: DataSection,
    source: CountedSource,
    groups: str,
    findings: Findings,
) -> None:
    """MS618: a requested part that has no examples."""
    split = data.split
    assert split is not None
    for part in split.asked:
        if not len(found[part]):
            findings.error(
                "MS618",
                f"the split leaves nothing for {PURPOSE[part]}: {source.table.name} has "
                f"{source.size} examples{groups}",
                part_span(data, part),
                help="change the fractions, or add examples" if split.by_share else _OTHERWISE,
            )


def part_span(data: DataSection, part: str) -> Span:
    """Where the split sets the examples of a part."""
    path = data.split.place_of(part) if data.split is not None else ()
    return data.spans.get(("split", *path), data.span)


_OTHERWISE = "change the split, or add examples"


def check_batches(
    compiled: Compiled, data: DataSection, parts: Mapping[str, int], findings: Findings
) -> None:
    """The number of examples of each part against the batch size."""
    if compiled.training is None or "train" not in parts:  # an empty part was reported already
        return
    assert compiled.graph is not None
    batch_size = compiled.training.batch_size
    check_count(parts["train"], batch_size, data.source_spans.get("train"), findings)
    for one in compiled.graph.graph.inputs or ():
        for part, count in parts.items():
            check_last_batch(one, PURPOSE[part], count, findings)


def check_last_batch(given: InputSpec, name: str, count: int, findings: Findings) -> None:
    """So many examples of what is called `name` against an input with a fixed batch size."""
    fixed = given.batch_size
    if fixed is not None and (rest := count % fixed):
        findings.error(
            "MS624",
            f"input `{given.name}` requires batches of {fixed}, but the last one of {name} would"
            " have"
            f" {rest} ({count} examples)",
            given.span,
            help="remove `batch_size` from the input, or change the number of examples",
        )

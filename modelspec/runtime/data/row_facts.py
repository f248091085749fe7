"""Which rows of the sources are examples, and how they were split, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.data_split import Split
from modelspec.compiler.spec.data_window import shares_in_order

from .table import Table


@dataclass(frozen=True)
class WhereFacts:
    """The effect of `where` on one source."""

    source: str
    condition: str
    rows: int
    """All rows of the source."""
    left_out: int


@dataclass(frozen=True)
class RowFacts:
    """The use of the rows of all sources."""

    where: tuple[WhereFacts, ...] = ()
    split: str | None = None
    """How one source is split, in words."""


def row_facts(data: DataSection, tables: Iterable[Table]) -> RowFacts:
    """The facts of the sources of a spec, each source once."""
    found: dict[str, WhereFacts] = {}
    for table in tables:
        if (one := table.left_out) is not None:
            found[table.name] = WhereFacts(table.name, one.condition, one.rows, one.left_out)
    split, window = data.split, data.window
    words = split_words(split) if split is not None else None
    if split is not None and window is not None and split.by is None and shares_in_order(split):
        followed = f"`{window.order}`" if window.order is not None else "the file"
        words = f"{split_words(split)}, in the order of {followed}"
    return RowFacts(tuple(found.values()), words)


def split_words(split: Split) -> str:
    """How the data is split, as the end of a sentence: `by share: validation 0.15, test 0.15`."""
    if split.column is not None:
        others = (f"{part}: {_listed(values)}" for part, values in (split.parts or {}).items())
        return f"by the column `{split.column}`" + "".join(f"; {one}" for one in others)
    if split.at is not None:
        names = ("validation", "test") if len(split.at) == 2 else ("test",)
        borders = (f"{name} from {at}" for name, at in zip(names, split.at, strict=True))
        return f"by `{split.order}`: {', '.join(borders)}"
    shares = {"validation": split.validation, "test": split.test}
    if split.folds is not None:
        rest = f", validation {split.validation:g} of the rest" if split.validation else ""
        return (
            f"into {split.folds} folds{_way(split)}, of which fold {split.fold} is the test{rest}"
        )
    return f"by share{_way(split)}: {_shares(shares)}"


def _way(split: Split) -> str:
    key, column = split.by or ("", "")
    words = {
        "stratify": f" with even shares of `{column}`",
        "group": f" keeping groups of `{column}`",
        "order": f" in the order of `{column}`",
    }
    return words.get(key, "")


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share:g}" for part, share in shares.items() if share) or "all train"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))

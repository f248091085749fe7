"""`data.balance` as written: training examples drawn so that every class is equally frequent."""

from __future__ import annotations

from typing import ClassVar

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import Collector, Path, Span
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section
from modelspec.core.source import Mapping, locate, plain


class Balance(Section):
    """Draws the training examples of each epoch so that every value of a column is equally
    frequent: examples of rare classes are repeated, those of frequent classes take turns.
    ```yaml
    balance: species
    balance: {column: species, examples: 3000}
    ```
    """

    title: ClassVar[str] = "balance"
    columns: ClassVar[tuple[str, ...]] = ("column",)
    """Keys that name a column."""

    column: str
    """The column of the classes: strings, integers, or one-hot vectors."""
    examples: Count | None = None
    """The number of examples of an epoch; by default the number of examples of the training part.
    The numbers of examples of two classes differ by one at most.
    """


def read_balance(
    node: Mapping, places: dict[Path, Span], context: Context, report: Collector
) -> Balance | None:
    """The `balance` of a `data` section."""
    entry = node.entries.get("balance")
    if entry is None:
        return None
    places[("balance",)] = entry.key_span
    for key in Balance.model_fields:
        if span := locate(entry.value, (key,)):
            places[("balance", key)] = span
    if isinstance(entry.value, Mapping):
        return read_section(Balance, entry.value, entry.key_span, context, report)
    places[("balance", "column")] = entry.value.span
    short = {"column": plain(entry.value)}
    return read_section(Balance, entry.value, entry.key_span, context, report, short)

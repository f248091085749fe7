"""Columns to arrays of numbers: which columns feed which input and target, and what in them is no number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..diagnostics import Path, Span
from ..spec.data import DataSection, Feature
from .errors import MAX_OF_A_KIND, DataError, Findings, places
from .table import Array, Table

_NOTHING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
"""What a cell without a value holds, in lower case."""
_NUMBERS = "biuf"
"""NumPy's letters for bool, whole and floating-point dtypes."""


class Bound(NamedTuple):
    """The columns that feed one input or target."""

    names: tuple[str, ...]
    stacked: bool
    """Several columns side by side, as one vector."""
    span: Span | None
    spans: Mapping[str, Span] = {}
    """Where the spec names each column."""

    def at(self, name: str) -> Span | None:
        """Where the spec names a column, or the feature where it names none."""
        return self.spans.get(name, self.span)

    def place(self, table: Table, index: tuple[int, ...]) -> str:
        """Where an entry of the gathered values stands in the source."""
        if self.stacked:
            return table.place(self.names[index[-1]], index[:-1])
        return table.place(self.names[0], index)

    def feature(self) -> dict[str, Any]:
        """As a spec writes it."""
        return {"columns": list(self.names)} if self.stacked else {"column": self.names[0]}


@dataclass(frozen=True)
class Binding:
    """The columns of every input and target, by name."""

    inputs: Mapping[str, Bound]
    targets: Mapping[str, Bound]


def bind(
    data: DataSection, inputs: Sequence[str], trained: Sequence[str], table: Table, *, with_targets: bool = True
) -> Binding:
    """The columns of every model input and of every `trained` output, those left out in the spec included.

    Raises `DataError` (MS623) where an output is trained and nothing says on what.
    """
    targets = {name: _bound(one, data, ("targets", name)) for name, one in (data.targets or {}).items()}
    if data.targets is None and table.default_target is not None and len(trained) == 1:
        targets = {trained[0]: Bound((table.default_target,), False, table.span)}
    if with_targets:
        _all_targets(trained, targets, data)
    if data.inputs is not None:
        found = {name: _bound(one, data, ("inputs", name)) for name, one in data.inputs.items()}
    else:
        taken = {column for bound in targets.values() for column in bound.names}
        found = {inputs[0]: _everything_but(taken, table)}
    return Binding(found, {name: targets[name] for name in trained if name in targets} if with_targets else {})


def _all_targets(trained: Iterable[str], targets: Mapping[str, Bound], data: DataSection) -> None:
    findings = Findings()
    for name in trained:
        if name not in targets:
            findings.error("MS623", f"output `{name}` has a loss, but `data.targets` has nothing for it", data.span,
                           help=f"add `targets: {{{name}: {{column: ...}}}}` to `data`")
    findings.stop_if_wrong()


def _bound(feature: Feature, data: DataSection, path: Path) -> Bound:
    spans = {name: data.spans[(*path, name)] for name in feature.names if (*path, name) in data.spans}
    return Bound(feature.names, feature.column is None, data.spans.get(path), spans)


def _everything_but(taken: set[str], table: Table) -> Bound:
    """What feeds an input that names no columns: the table's own choice, or every column that is no target."""
    if table.default_features is not None:
        names = table.default_features
    else:
        names = tuple(name for name in table.names if name not in taken)
    if not names:
        raise DataError.of("MS607", f"{table.name} has no column beside the targets")
    return Bound(names, len(names) > 1, table.span)


# To arrays -----------------------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """What a feature is for."""

    subject: str
    """As a message names it."""
    text: bool = False
    """Text rather than numbers."""
    help: str | None = None
    """What to do about a column of text."""


def gather(table: Table, bound: Bound, wanted: Wanted, findings: Findings) -> Array | None:
    """The values of a feature: one array, or columns stacked along a last axis; None, and findings, where they cannot
    be had."""
    columns: list[Array] = []
    for name in bound.names:
        try:
            values = table.column(name, bound.at(name))
        except DataError as error:
            findings.extend(error.diagnostics)
            continue
        if _fits(Column(table, name, values, bound.at(name)), wanted, findings):
            columns.append(values)
    if len(columns) < len(bound.names):
        return None
    return columns[0] if not bound.stacked else _stack(columns, table, bound, wanted, findings)


def _stack(columns: list[Array], table: Table, bound: Bound, wanted: Wanted, findings: Findings) -> Array | None:
    wide = next((name for name, column in zip(bound.names, columns, strict=True) if column.ndim > 1), None)
    if wide is not None:
        shape = columns[bound.names.index(wide)].shape[1:]
        findings.error("MS610", f"`{wide}` of {table.name} holds an array of shape {shape} for every example, "
                                f"which cannot be stacked with other columns for {wanted.subject}", bound.at(wide),
                       help=f"say which array feeds what, e.g. `{{column: {wide}}}`")
        return None
    if len({len(column) for column in columns}) > 1:
        lengths = {name: len(column) for name, column in zip(bound.names, columns, strict=True)}
        unequal_lengths(lengths, table, findings, bound.span)
        return None
    return np.stack(columns, axis=-1)


def unequal_lengths(lengths: Mapping[str, int], table: Table, findings: Findings, span: Span | None) -> None:
    """MS611: arrays of one source that do not count the same examples."""
    told = [f"`{name}` has {count:,}" for name, count in lengths.items()]
    findings.error("MS611", f"the arrays of {table.name} do not have the same number of examples: "
                            f"{', '.join(told[:-1])} and {told[-1]}", span,
                   help="the first axis of every array counts the examples")


# What is no number ---------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """One column of a feature, and where the spec names it."""

    table: Table
    name: str
    values: Array
    span: Span | None

    def places(self, bad: Array) -> list[str]:
        """Where the first entries are that `bad` marks."""
        return [self.table.place(self.name, tuple(int(i) for i in index)) for index in np.argwhere(bad)[:MAX_OF_A_KIND]]


def _fits(column: Column, wanted: Wanted, findings: Findings) -> bool:
    """Whether a column is what the feature takes: text, or finite numbers; findings where not."""
    kind, values = column.values.dtype.kind, column.values
    title = f"`{column.name}` of {column.table.name}"
    if wanted.text:
        if kind in "OUS":
            return True
        findings.error("MS609", f"{title} holds numbers ({values.dtype}), but {wanted.subject} takes text", column.span)
    elif kind == "O":
        _tell_text(column, wanted, findings)
    elif kind == "c":
        findings.error("MS609", f"{title} holds complex numbers, of which {wanted.subject} would lose a part",
                       column.span, help="save the real and the imaginary part as arrays of their own")
    elif kind not in _NUMBERS:
        what = "text" if kind in "US" else f"`{values.dtype}` values"
        findings.error("MS609", f"{title} holds {what}, but {wanted.subject} takes numbers", column.span)
    else:
        return kind != "f" or _is_finite(column, findings)
    return False


def _tell_text(column: Column, wanted: Wanted, findings: Findings) -> None:
    """Faults for the cells of a text column that are no numbers: text (MS609), and those without a value (MS608)."""
    missing = np.array([str(cell).lower() in _NOTHING for cell in column.values])
    text = np.array([not _reads_as_number(str(cell)) for cell in column.values]) & ~missing
    count, rows = int(np.count_nonzero(text)), len(text)
    if count:
        cell = str(column.values[text][0])
        shown = column.places(text)
        few = count <= rows // 2
        findings.error(
            "MS609", f"`{column.name}` holds text, but {wanted.subject} takes numbers: {_shown(cell)} at {shown[0]}",
            column.span,
            notes=places(shown, count) if few else (f"{_share(count, rows)} of its {rows:,} cells are text",),
            help=_text_help(cell) or wanted.help or f"leave `{column.name}` out, or write it as numbers")
        if not few:
            return  # a column of words: what is missing in it is not what is wrong
    if missing.any():
        shown = column.places(missing)
        findings.error("MS608", f"`{column.name}` has no value at {shown[0]}", column.span,
                       notes=places(shown, int(np.count_nonzero(missing))), help="fill it in, or remove the row")


def _share(count: int, whole: int) -> str:
    return "all" if count == whole else f"{count:,}"


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _shown(cell: str) -> str:
    return f'"{cell if len(cell) <= 40 else cell[:37] + "..."}"'


def _text_help(cell: str) -> str | None:
    for old, new, words in ((",", ".", "write decimals with a point"), (",", "", "write thousands without commas"),
                            ("_", "", "write numbers without `_`"), (" ", "", "write numbers without spaces")):
        if old in cell and _reads_as_number(cell.replace(old, new)):
            return words
    return None


def _is_finite(column: Column, findings: Findings) -> bool:
    bad = ~np.isfinite(column.values)
    if not bad.any():
        return True
    value = column.values[bad][0]
    what = "NaN" if np.isnan(value) else "infinity" if value > 0 else "minus infinity"
    shown = column.places(bad)
    findings.error("MS613", f"`{column.name}` is {what} at {shown[0]}", column.span,
                   notes=places(shown, int(np.count_nonzero(bad))),
                   help="training on it would turn the weights into NaN: mend or remove the example")
    return False

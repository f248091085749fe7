"""Columns to arrays of numbers: which columns feed which input and target, and what in them is no number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..diagnostics import Span
from ..spec.data import DataSection, Feature
from .errors import DataError, Findings, places
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
    spans = data.spans
    targets = {name: _bound(one, spans.get(("targets", name))) for name, one in (data.targets or {}).items()}
    if data.targets is None and table.default_target is not None and len(trained) == 1:
        targets = {trained[0]: Bound((table.default_target,), False, table.span)}
    if with_targets:
        _all_targets(trained, targets, data)
    if data.inputs is not None:
        found = {name: _bound(one, spans.get(("inputs", name))) for name, one in data.inputs.items()}
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


def _bound(feature: Feature, span: Span | None) -> Bound:
    return Bound(feature.names, feature.column is None, span)


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


def gather(table: Table, bound: Bound, subject: str, findings: Findings, *, text: bool = False) -> Array | None:
    """The values of a feature: one array, or columns stacked along a last axis; None, and findings, where they cannot
    be had. `text` says that text is wanted rather than numbers."""
    columns: list[Array] = []
    for name in bound.names:
        try:
            values = table.column(name, bound.span)
        except DataError as error:
            findings.extend(error.diagnostics)
            continue
        if values.dtype.kind in "OUS" if text else _is_numeric(values, table, name, bound, subject, findings):
            columns.append(values)
        elif text:
            findings.error("MS609", f"`{name}` of {table.name} holds numbers ({values.dtype}), but {subject} takes "
                                    "text", bound.span)
    if len(columns) < len(bound.names):
        return None
    return columns[0] if not bound.stacked else _stack(columns, table, bound, subject, findings)


def _stack(columns: list[Array], table: Table, bound: Bound, subject: str, findings: Findings) -> Array | None:
    wide = next((name for name, column in zip(bound.names, columns, strict=True) if column.ndim > 1), None)
    if wide is not None:
        shape = columns[bound.names.index(wide)].shape[1:]
        findings.error("MS610", f"`{wide}` of {table.name} holds an array of shape {shape} for every example, "
                                f"which cannot be stacked with other columns for {subject}", bound.span,
                       help=f"say which array feeds what: `inputs: {{column: {wide}}}`")
        return None
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        unequal_lengths({name: len(column) for name, column in zip(bound.names, columns, strict=True)}, table, findings,
                        bound.span)
        return None
    return np.stack(columns, axis=-1)


def unequal_lengths(lengths: Mapping[str, int], table: Table, findings: Findings, span: Span | None) -> None:
    """MS611: arrays of one source that do not count the same examples."""
    told = [f"`{name}` has {count:,}" for name, count in lengths.items()]
    findings.error("MS611", f"the arrays of {table.name} do not have the same number of examples: "
                            f"{', '.join(told[:-1])} and {told[-1]}", span,
                   help="the first axis of every array counts the examples")


def _is_numeric(values: Array, table: Table, name: str, bound: Bound, subject: str, findings: Findings) -> bool:
    """Whether a column is made of finite numbers; findings where not."""
    kind = values.dtype.kind
    if kind == "O":
        _tell_text(values, table, name, bound, subject, findings)
        return False
    if kind == "c":
        findings.error("MS609", f"`{name}` of {table.name} holds complex numbers, of which {subject} would lose a part",
                       bound.span, help="save the real and the imaginary part as arrays of their own")
        return False
    if kind not in _NUMBERS:
        what = "text" if kind in "US" else f"`{values.dtype}` values"
        findings.error("MS609", f"`{name}` of {table.name} holds {what}, but {subject} takes numbers", bound.span)
        return False
    return kind != "f" or _is_finite(values, table, name, bound, findings)


def _tell_text(values: Array, table: Table, name: str, bound: Bound, subject: str, findings: Findings) -> None:
    """Faults for the cells that are no numbers: those without a value (MS608), and text (MS609)."""
    missing: list[int] = []
    words: list[int] = []
    for row, cell in enumerate(values):
        if str(cell).lower() in _NOTHING:
            missing.append(row)
        elif not _reads_as_number(str(cell)):
            words.append(row)
    if words:
        cell = str(values[words[0]])
        where = [table.place(name, (row,)) for row in words[:10]]
        findings.error("MS609", f'`{name}` holds text, but {subject} takes numbers: {_shown(cell)} at {where[0]}',
                       bound.span, notes=places(where, len(words)), help=_text_help(cell, name))
    if missing:
        where = [table.place(name, (row,)) for row in missing[:10]]
        findings.error("MS608", f"`{name}` has no value at {where[0]}", bound.span, notes=places(where, len(missing)),
                       help="fill it in, or remove the row")


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _shown(cell: str) -> str:
    return f'"{cell if len(cell) <= 40 else cell[:37] + "..."}"'


def _text_help(cell: str, name: str) -> str:
    for old, new, words in ((",", ".", "write decimals with a point"), (",", "", "write thousands without commas"),
                            ("_", "", "write numbers without `_`"), (" ", "", "write numbers without spaces")):
        if old in cell and _reads_as_number(cell.replace(old, new)):
            return words
    return f"name the columns to take, without `{name}`, or write it as numbers"


def _is_finite(values: Array, table: Table, name: str, bound: Bound, findings: Findings) -> bool:
    finite = np.isfinite(values)
    if finite.all():
        return True
    bad = np.argwhere(~finite)
    where = [table.place(name, tuple(int(i) for i in index)) for index in bad[:10]]
    value = values[tuple(bad[0])]
    shown = "NaN" if np.isnan(value) else "infinity" if value > 0 else "minus infinity"
    findings.error("MS613", f"`{name}` is {shown} at {where[0]}", bound.span, notes=places(where, len(bad)),
                   help="training on it would turn the weights into NaN: mend or remove the example")
    return False



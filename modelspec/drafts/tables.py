"""The draft for a table: a csv, JSON lines, Parquet or Arrow file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from modelspec.core.diagnostics import listed

from .inputs import RESERVED, Input, Names, inputs_of
from .networks import FEATURES, table_layers
from .opening import Data
from .problem import NoDraft
from .profile import Profile, profiled, with_marks
from .roles import Role, roles_of
from .sample import Sample, sampled
from .sections import Draft, Parts, assembled
from .splits import split_of
from .targets import Target, chosen, output_name, target_of
from .trainings import (
    expect_comment,
    is_looked_up_as_written,
    target_entry,
    training_entries,
)
from .writing import Entry, group, keyed

_LEAST_ROWS = 10


def table_draft(data: Data, path: str, wanted: str | None, file: str) -> Draft:
    """The spec for an open table that `path` names in the spec `file`. Raises `NoDraft`."""
    table = data.table
    _check_columns(table.names, path)
    name, why = chosen(table.names, wanted, PurePosixPath(path).name)
    sample = sampled(table, table.names, text=table.as_written)
    if name in sample.unreadable:
        raise NoDraft(f"the target `{name}` cannot be read: {sample.unreadable[name]}")
    profiles = [profiled(one, values, table) for one, values in sample.columns.items()]
    by_name = {one.name: one for one in profiles}
    _check_rows(by_name[name].rows, path)
    target = target_of(by_name.pop(name), why)
    return _draft(data, path, list(by_name.values()), target, sample, file)


def _check_columns(names: Sequence[str], path: str) -> None:
    if len(names) < 2:
        raise NoDraft(
            f"`{PurePosixPath(path).name}` has only one column, `{names[0]}`",
            "a model requires a target and at least one input",
        )


def _check_rows(rows: int, path: str) -> None:
    if rows < _LEAST_ROWS:
        raise NoDraft(
            f"`{PurePosixPath(path).name}` has {rows} rows",
            f"training, validation and test require at least {_LEAST_ROWS} together",
        )


def _draft(
    data: Data, path: str, columns: Sequence[Profile], target: Target, sample: Sample, file: str
) -> Draft:
    roles = roles_of(columns, target)
    rows = data.rows or target.profile.rows
    split = split_of(columns, roles, target, rows)
    output = Names([FEATURES]).new(output_name(target, RESERVED))
    names = Names([output, FEATURES])
    inputs = inputs_of(roles, data.kind, names, by_time=split.by_time)
    if not inputs:
        left = _sentences(roles, sample)
        raise NoDraft(f"no column can be an input for the target `{target.profile.name}`", left[0])
    parts = Parts(
        inputs=[one.declared for one in inputs],
        layers=table_layers(inputs, target, rows, output),
        data=[
            _source(data, path, [*columns, target.profile]),
            *_where(target, data.kind),
            keyed("split", split.value, split.reason),
            group("inputs", [one.feature for one in inputs]),
            group("targets", [target_entry(target, data.kind, output)]),
        ],
        training=list(training_entries(target, rows)),
        expect=expect_comment(target),
    )
    heading = _heading(data, path, columns, target, sample)
    left_out = _sentences(roles, sample)
    return assembled(file, heading, left_out, parts, _summary(target, inputs, left_out), target)


def _heading(
    data: Data, path: str, columns: Sequence[Profile], target: Target, sample: Sample
) -> list[str]:
    rows = data.rows or target.profile.rows
    about = "" if data.whole else "about "
    said = [f"{PurePosixPath(path).name}: {about}{rows:,} rows, {len(columns) + 1} columns."]
    if not data.whole or not sample.whole:
        said.append(f"The choices follow from {target.profile.rows:,} of the rows.")
    return said


def _source(data: Data, path: str, columns: Sequence[Profile]) -> Entry:
    """The source, with the settings that its cells require."""
    settings: dict[str, Any] = {"path": path, **data.settings}
    reasons = [data.reasons[name] for name in data.settings if name in data.reasons]
    marks = with_marks(columns)
    if marks:
        settings["missing_values"] = list(marks)
        reasons.append("these cells have no value")
    value: Any = settings if len(settings) > 1 else path
    return keyed("source", {data.kind: value}, "; ".join(reasons))


def _where(target: Target, kind: str) -> list[Entry]:
    """Leaves out classes that are too rare to be in every part."""
    if not target.rare:
        return []
    written = is_looked_up_as_written(target, kind)
    labels = ", ".join(_quoted(one, written=written) for one in target.rare)
    name = f"`{target.profile.name}`"
    condition = f"{name} not in [{labels}]"
    if target.profile.missing:
        condition = f"{name} is missing or {condition}"
    return [keyed("where", condition, "these classes have too few rows for three parts")]


def _quoted(label: object, *, written: bool) -> str:
    """A label in a condition: a number, unless the column has its cells as they are written."""
    if isinstance(label, float) and not written:
        return f"{label:g}"
    if isinstance(label, float):
        label = f"{label:g}"
    text = str(label).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _sentences(roles: Sequence[Role], sample: Sample) -> list[str]:
    """The columns that are left out, with the reasons; many of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for role in roles:
        if role.kind == "group":
            by_reason.setdefault("it groups the rows of the split", []).append(role.name)
        elif role.kind == "out":
            by_reason.setdefault(role.reason, []).append(role.name)
    for name, reason in sample.unreadable.items():
        by_reason.setdefault(reason, []).append(name)
    return [f"{listed(names)}: {reason}" for reason, names in by_reason.items()]


def _summary(target: Target, inputs: Sequence[Input], left_out: Sequence[str]) -> list[str]:
    what = "a number" if target.is_number else f"{target.classes} classes"
    said = [f"target: `{target.profile.name}` ({target.why}), {what}"]
    return [*said, *(f"left out: {one}" for one in left_out)]

"""A target column that is also one of several columns of an input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelspec.core.diagnostics import Note

from ..spec.data_section import DataSection, Feature
from ..spec.past_columns import past_columns, reads_past
from .case import Case

_MOST = 1_000
"""Upper bound of reported problems: each of many targets may be in each of many inputs."""


def check(case: Case) -> None:
    """Check every target: a model only has to copy a target that is also an input."""
    if case.data is None:
        return
    for output, name, column in islice(_leaks(case.data), _MOST):
        case.report.warning(
            "MS530",
            f"`{column}` is the target of output `{output}` and a column of input `{name}`",
            case.data.spans.get(("inputs", name)),
            notes=[Note("the target", case.data.spans.get(("targets", output)))],
            help="remove it from the input: the model would only copy it",
        )


def _leaks(data: DataSection) -> Iterator[tuple[str, str, str]]:
    """Output, input, and the first column that they share."""
    if data.window_in_error or (data.window is not None and data.window.horizon):
        return  # the rows of an input are before those of its target
    inputs = data.inputs or {}
    holders: dict[str, list[str]] = {}
    for name, feature in inputs.items():
        for column in _of_the_row(feature):
            holders.setdefault(column, []).append(name)
    places = {name: place for place, name in enumerate(inputs)}
    for output, target in (data.targets or {}).items():
        leaked: dict[str, str] = {}
        for column in target.names:
            for name in holders.get(column, ()):
                leaked.setdefault(name, column)
        for name in sorted(leaked, key=places.__getitem__):
            if inputs[name].names != target.names or reads_past(inputs[name]):
                yield output, name, leaked[name]


def _of_the_row(feature: Feature) -> tuple[str, ...]:
    """The columns whose current value is one of several values of a feature, each once. A single
    column is excluded: it is the input of an autoencoder.
    """
    if not reads_past(feature):
        return tuple(dict.fromkeys(feature.names)) if len(feature.names) > 1 else ()
    present = (
        one.base
        for one in past_columns(feature).values()
        if not any(step.what == "lag" and step.rows for step in one.steps)
    )
    return tuple(dict.fromkeys(present))

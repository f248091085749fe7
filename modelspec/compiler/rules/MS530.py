"""A target that is also one of several columns of an input."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Note

from ..spec.data_section import DataSection
from .case import Case


def check(case: Case) -> None:
    """Every target: the model would only have to copy it."""
    if case.data is None:
        return
    for output, name, column in _leaks(case.data):
        case.report.warning(
            "MS530",
            f"`{column}` is the target of output `{output}` and a column of input `{name}`",
            case.data.spans.get(("inputs", name)),
            notes=[Note("the target", case.data.spans.get(("targets", output)))],
            help="take it out of the input: the model would only copy it",
        )


def _leaks(data: DataSection) -> Iterator[tuple[str, str, str]]:
    """Output, input, and the first column that both have."""
    for output, target in (data.targets or {}).items():
        for name, feature in (data.inputs or {}).items():
            leaked = [column for column in target.names if column in feature.names]
            if leaked and len(feature.names) > 1 and feature.names != target.names:
                yield output, name, leaked[0]

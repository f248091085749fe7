"""An output and a target of different sizes."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .trained_outputs import TrainedOutput


def check(case: Case) -> None:
    """Check every target of single values that the loss compares unit by unit."""
    for one in case.trained:
        if one.columns is not None and isinstance(one.head.units, int):
            _check(case, one, one.columns)


def _check(case: Case, one: TrainedOutput, columns: int) -> None:
    head, targets = one.head, one.settings.targets
    single_code = targets == "one_hot" and columns == 1  # wrong for any number of units
    if targets not in ("numbers", "binary", "one_hot") or single_code or head.units == columns:
        return
    assert one.target is not None
    case.report.error(
        "MS517",
        f"output `{head.output}` has {head.units} units, but its target has "
        f"{columns} column{'s' if columns != 1 else ''}",
        one.target.span or one.loss.span,
        notes=[Note(f"`{head.call.name}` produces the output", head.call.call.use.kind_span)],
        help="make them equal: Keras would broadcast one to the other without a warning",
    )

"""As many units as columns of the target."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Every target of single values that the loss compares unit by unit."""
    for one in case.trained:
        target, head = one.target, one.head
        if target is None or one.misfits or not target.source.one_value_cells:
            continue  # an array or an image may have any shape, which only the data shows
        columns = len(target.feature.names)
        targets = one.settings.targets
        if targets not in ("numbers", "binary", "one_hot") or (
            targets == "one_hot" and columns == 1
        ):
            continue
        if isinstance(head.units, int) and head.units != columns:
            case.report.error(
                "MS517",
                f"output `{head.output}` has {head.units} units, but its target has "
                f"{columns} column{'s' if columns != 1 else ''}",
                target.span or one.loss.span,
                notes=[Note(f"`{head.call.name}` makes the output", head.call.call.use.kind_span)],
                help="make them equal: Keras would stretch one over the other without a word",
            )

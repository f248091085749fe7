"""An input with a fixed batch size that differs from the batch size of training."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every input with a `batch_size`."""
    training = case.fitting
    if case.typed is None or training is None or training.choices is None:
        return
    size = training.choices.batch_size
    for one in case.typed.graph.inputs or ():
        if one.batch_size is not None and one.batch_size != size:
            case.report.error(
                "MS624",
                f"input `{one.name}` takes batches of {one.batch_size}, but `batch_size` is {size}",
                one.span,
                help="make them equal",
            )

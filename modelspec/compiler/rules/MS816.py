"""Slices of a model with a fixed batch size."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every input with a `batch_size`: a slice has any number of examples."""
    if case.typed is None or case.data is None or not case.data.slices:
        return
    for one in case.typed.graph.inputs or ():
        if one.batch_size not in (None, 1):
            case.report.error(
                "MS816",
                f"a slice has any number of examples, but input `{one.name}` takes batches of"
                f" {one.batch_size}",
                case.data.spans.get(("slices",)),
                help="leave `slices` out, or `batch_size` out of the input",
            )
            return

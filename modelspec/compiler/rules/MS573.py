"""`augment` of several tensors together, with windows over time."""

from __future__ import annotations

from ..spec.augment_section import Joint
from .case import Case


def check(case: Case) -> None:
    """Report an `augment` with `on` and a window: the rows of input and target have different
    times.
    """
    data = case.data
    if data is None or data.window is None:
        return
    chain = next((one for one in data.augment.values() if isinstance(one, Joint)), None)
    if chain is not None:
        case.report.error(
            "MS573",
            "`augment` with `on` varies inputs and targets at the same positions, but the rows of a"
            " window and of its target have different times",
            chain.span,
            help="write `augment` without `on`, for the inputs alone",
        )

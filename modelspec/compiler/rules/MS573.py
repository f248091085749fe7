"""`augment` of several tensors with one draw, and windows over time."""

from __future__ import annotations

from ..spec.augment_section import Joint
from .case import Case


def check(case: Case) -> None:
    """An `augment` with `on` beside a window: an input and a target then have rows of other
    times.
    """
    data = case.data
    if data is None or data.window is None:
        return
    chain = next((one for one in data.augment.values() if isinstance(one, Joint)), None)
    if chain is not None:
        case.report.error(
            "MS573",
            "`augment` with `on` varies an input and what belongs to it in the same places, but a"
            " window and its target have rows of other times",
            chain.span,
            help="write `augment` without `on`, for the inputs alone",
        )

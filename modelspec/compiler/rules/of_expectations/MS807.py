"""A comparison without an effect: it always holds, or follows from another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case import Case
from ..expected_quantities import always, is_possible, sound

if TYPE_CHECKING:
    from ...spec.comparison import Comparison


def check(case: Case) -> None:
    """Check every comparison, alone and against the others of its list."""
    for expectation, quantity in case.expected:
        if quantity is None:
            continue
        found = [one for one in sound(expectation, quantity) if is_possible(one, quantity)]
        for index, one in enumerate(found):
            stronger = [
                each
                for at, each in enumerate(found)
                if at != index and _follows(one, each) and (at < index or not _follows(each, one))
            ]
            if stronger:
                _warn(case, one, f"it follows from `{stronger[0].text}`")
            elif (bound := always(expectation, quantity, one)) is not None:
                side = "least" if one.is_lower else "most"
                _warn(case, one, f"`{expectation.key}` is at {side} {bound:g}")


def _warn(case: Case, one: Comparison, why: str) -> None:
    case.report.warning(
        "MS807", f"`{one.text}` has no effect: {why}", one.span, help="correct it, or remove it"
    )


def _follows(one: Comparison, other: Comparison) -> bool:
    """Whether every number that meets `other` meets `one`."""
    if one.of_baseline != other.of_baseline or "==" in (one.operator, other.operator):
        return False
    if one.is_lower != other.is_lower or one.of_baseline == "*":
        return False
    room = other.number - one.number if one.is_lower else one.number - other.number
    return room > 0 or (room == 0 and (other.is_strict or not one.is_strict))

"""A comparison that no run can meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...spec.expect_section import Expectation
from ..case import Case
from ..expected_quantities import Quantity, is_possible, sound

if TYPE_CHECKING:
    from ...spec.comparison import Comparison


def check(case: Case) -> None:
    """Compare every limit with the range of its quantity, and with the others of the list."""
    for expectation, quantity in case.expected:
        if quantity is None:
            continue
        impossible = [one for one in sound(expectation, quantity) if not is_possible(one, quantity)]
        for one in impossible:
            _report(case, expectation, quantity, one)
        if not impossible:
            _check_pairs(case, expectation, quantity)


def _report(case: Case, expectation: Expectation, quantity: Quantity, one: Comparison) -> None:
    low, high = quantity.bounds
    if one.operator == "==" and quantity.whole and one.number != int(one.number):
        known = "is an integer"
    elif high is not None and (one.is_lower or one.number > high):
        known = f"is at most {high:g}"
    else:
        known = f"is at least {low:g}"
    percent = f"{one.operator} {one.number:g}%"
    meant = high == 1 and 1 < one.number <= 100 and one.measure == "number"
    if expectation.quantity == "epochs" and high is not None and one.number > high:
        help = f"raise `training.epochs`, or expect at most {high:g}"
    else:
        help = f"write `{percent}`" if meant else "correct the operator or the number"
    case.report.error(
        "MS803",
        f"no run can meet `{one.text}`: `{expectation.key}` {known}",
        one.span,
        suggestion=json.dumps(percent) if meant else None,
        help=help,
    )


def _check_pairs(case: Case, expectation: Expectation, quantity: Quantity) -> None:
    """Report each comparison with the first other one that it excludes."""
    found = sound(expectation, quantity)
    for index, one in enumerate(found):
        other = next((each for each in found[:index] if _excludes(one, each)), None)
        if other is not None:
            case.report.error(
                "MS803",
                f"no number meets both `{other.text}` and `{one.text}`",
                one.span,
                help="swap the operators, or remove one of the two",
            )


def _excludes(one: Comparison, other: Comparison) -> bool:
    """Whether no number meets both; for limits relative to the baseline only in clear cases."""
    if one.of_baseline != other.of_baseline or one.of_baseline == "*":
        return False
    if one.operator == other.operator == "==":
        return one.number != other.number
    if one.operator == "==" or other.operator == "==":
        equal, limit = (one, other) if one.operator == "==" else (other, one)
        room = equal.number - limit.number if limit.is_lower else limit.number - equal.number
        return room < 0 or (room == 0 and limit.is_strict)
    if one.is_lower == other.is_lower:
        return False
    lower, upper = (one, other) if one.is_lower else (other, one)
    room = upper.number - lower.number
    return room < 0 or (room == 0 and (lower.is_strict or upper.is_strict))

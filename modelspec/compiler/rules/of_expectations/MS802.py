"""A limit in a unit that its quantity does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelspec.core.diagnostics import listed

from ..case import Case
from ..expected_quantities import Quantity

if TYPE_CHECKING:
    from ...spec.comparison import Measure

_WORDS: Final[dict[Measure, str]] = {
    "share": "a share",
    "count": "a count",
    "bytes": "bytes",
    "seconds": "a time",
}


def check(case: Case) -> None:
    """Check the unit of every limit."""
    for expectation, quantity in case.expected:
        for one in expectation.comparisons if quantity is not None else ():
            assert quantity is not None
            if one.measure not in quantity.measures:
                case.report.error(
                    "MS802",
                    f"`{expectation.key}` cannot be compared with {_WORDS[one.measure]}:"
                    f" `{one.text}`",
                    one.span,
                    help=_help(quantity),
                )


def _help(quantity: Quantity) -> str:
    """The units of the quantity."""
    from ...spec.comparison import UNITS

    units = [name for name, unit in UNITS.items() if unit.measure in quantity.measures]
    return f"write a number without a unit, or with {listed(units, 'or')}"

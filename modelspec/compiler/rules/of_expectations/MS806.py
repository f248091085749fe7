"""A limit that fails runs with a better metric."""

from __future__ import annotations

from ..case import Case
from ..expected_quantities import always, is_possible, sound


def check(case: Case) -> None:
    """Check expectations of metrics that are limited only in the better direction."""
    for expectation, quantity in case.expected:
        if quantity is None or quantity.direction is None:
            continue
        found = [one for one in sound(expectation, quantity) if is_possible(one, quantity)]
        better_large = quantity.direction == "up"
        if not found or any(one.operator == "==" or one.is_lower == better_large for one in found):
            continue
        if all(always(expectation, quantity, one) is not None for one in found):
            continue  # it never fails
        one = found[0]
        turned = one.text.replace(one.operator[0], "<>"[better_large], 1)
        case.report.warning(
            "MS806",
            f"`{one.text}` fails better runs: a {'higher' if better_large else 'lower'}"
            f" `{expectation.metric}` is better",
            one.span,
            help=f'write `"{turned}"`; to set both limits, write a list of two comparisons',
        )

"""A moving average of a layer or model that no output depends on."""

from __future__ import annotations

from .averaged_parts import averaged_parts
from .case import Case


def check(case: Case) -> None:
    """The weights of the source are not part of the model, so they cannot be averaged."""
    for part in averaged_parts(case):
        if part.source is None:
            case.report.error(
                "MS536",
                f"no output depends on `{part.average.source}`, so `{part.average.name}` has no"
                " weights to average",
                part.average.span,
                help=f"call `{part.average.source}` in `layers`, before an output",
            )

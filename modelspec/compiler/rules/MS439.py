"""An optimizer whose updates grow without bound."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Gradient
from modelspec.core.shapes import Tensor
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Report each optimizer once, with the first weight that it trains so."""
    seen: set[int] = set()
    for one, optimizer in case.optimized:
        if id(optimizer) in seen or type(optimizer).diverges is Gradient.diverges:
            continue
        if not optimizer.diverges(one.path, Tensor(one.weight.shape, one.weight.dtype)):
            continue
        seen.add(id(optimizer))
        assert case.fitting is not None
        place = locate(case.fitting.node, ("optimizer", optimizer.kind()))
        case.report.error(
            "MS439",
            f"the iteration of `{optimizer.kind()}` that computes the update of `{one.path}`"
            " diverges with these coefficients: weights become NaN or infinite",
            place or locate(case.fitting.node, ("optimizer",)) or case.fitting.span,
            help="leave the coefficients out: the defaults converge",
        )

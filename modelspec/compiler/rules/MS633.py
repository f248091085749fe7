"""An `augment` whose result differs in type from the input in evaluation."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import show

from .case import Case


def check(case: Case) -> None:
    """Check that layers that vary an input keep its type, so that training and evaluation see the
    same type.
    """
    for one in case.chains.augmented:
        if not is_float(one.wanted.dtype):
            case.report.error(
                "MS633",
                f"`augment` varies floating-point numbers, but input `{one.name}` takes"
                f" {one.wanted.dtype}",
                one.chain.uses[0].kind_span,
                help="give the input `dtype: float32`, which is the default",
            )
        elif one.result is not None and one.result.shape != one.wanted.shape:
            case.report.error(
                "MS633",
                f"`augment` changes input `{one.name}` to {show(one.result.shape)}, but evaluation"
                " uses "
                f"it unchanged: {show(one.wanted.shape)}",
                one.chain.uses[-1].kind_span,
                help="give all examples one size in the `transform`, e.g. with `Resizing`",
            )

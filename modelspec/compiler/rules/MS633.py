"""An `augment` that makes something else of an input than evaluation sees."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import show

from .case import Case


def check(case: Case) -> None:
    """Layers that vary an input give what they get, so that training and evaluation see one
    type.
    """
    for one in case.chains.augmented:
        if not is_float(one.wanted.dtype):
            case.report.error(
                "MS633",
                f"`augment` varies numbers with a fraction, but input `{one.name}` takes"
                f" {one.wanted.dtype}",
                one.chain.uses[0].kind_span,
                help="give the input `dtype: float32`, which is the default",
            )
        elif one.result is not None and one.result.shape != one.wanted.shape:
            case.report.error(
                "MS633",
                f"`augment` makes {show(one.result.shape)} of input `{one.name}`, which is "
                f"{show(one.wanted.shape)}, and evaluation sees it as it is",
                one.chain.uses[-1].kind_span,
                help="give all examples one size in the `transform`, e.g. with `Resizing`",
            )

"""Random numbers where an input cannot take them."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import show

from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Every input and target that is drawn."""
    if case.data is None:
        return
    every = list(features(case.data))
    drawn = [key for key, feature in every if feature.random is not None]
    for kind, name in drawn:
        place = case.data.spans.get(("random", kind, name)) or case.data.spans.get((kind, name))
        wanted = case.typed.inputs.get(name) if case.typed is not None else None
        if kind == "targets":
            message = f"the target of `{name}` is drawn at random, so there is nothing to learn"
            case.report.error("MS577", message, place, help="name its `column`")
        elif wanted is not None and not is_float(wanted.dtype):
            case.report.error(
                "MS577",
                f"random numbers have fractions, but input `{name}` takes {wanted.dtype}",
                place,
                help="give the input a floating-point dtype",
            )
        elif wanted is not None and not all(isinstance(one, int) for one in wanted.shape[1:]):
            case.report.error(
                "MS577",
                f"input `{name}` is {show(wanted.shape)}, and random numbers need every size",
                place,
                help="declare the input with numbers, e.g. `[8]`",
            )
        elif case.data.augment and name in case.data.augment:
            message = f"input `{name}` is drawn anew at every step, and `augment` varies it again"
            case.report.error("MS577", message, place, help=f"leave `{name}` out of `augment`")
    if drawn and len(drawn) == len(every):
        case.report.error(
            "MS577",
            "every input is drawn at random, so nothing says how many examples there are",
            case.data.spans.get(drawn[0]),
            help="name a `column` for an input or a target",
        )

"""Random numbers for an input that does not accept them."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import show

from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Check every random input and target."""
    if case.data is None:
        return
    every = list(features(case.data))
    drawn = [key for key, feature in every if feature.random is not None]
    for kind, name in drawn:
        place = case.data.spans.get(("random", kind, name)) or case.data.spans.get((kind, name))
        wanted = case.typed.inputs.get(name) if case.typed is not None else None
        if kind == "targets":
            message = f"the target of `{name}` is random, so the model cannot learn it"
            case.report.error("MS577", message, place, help="set its `column`")
        elif wanted is not None and not is_float(wanted.dtype):
            case.report.error(
                "MS577",
                f"random numbers are floating-point, but input `{name}` takes {wanted.dtype}",
                place,
                help="give the input a floating-point dtype",
            )
        elif wanted is not None and not all(isinstance(one, int) for one in wanted.shape[1:]):
            case.report.error(
                "MS577",
                f"input `{name}` is {show(wanted.shape)}, but random numbers require known sizes",
                place,
                help="declare the input with fixed sizes, e.g. `[8]`",
            )
        elif case.data.augment and name in case.data.augment:
            message = (
                f"input `{name}` is already random at every step, but `augment` varies it again"
            )
            case.report.error("MS577", message, place, help=f"leave `{name}` out of `augment`")
    if drawn and len(drawn) == len(every):
        case.report.error(
            "MS577",
            "every input is random, so the number of examples is unknown",
            case.data.spans.get(drawn[0]),
            help="set a `column` for an input or a target",
        )

"""A CTC target that is padded in front."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """The loss takes as many classes from the start of a target as it has other than 0."""
    data, training = case.data, case.fitting
    if data is None or data.targets is None or training is None:
        return
    for name, loss in training.losses.items():
        feature = data.targets.get(name)
        if feature is None or feature.pad is None or feature.pad.padding != "pre":
            continue
        if getattr(loss.settings, "targets", None) == "sequences":
            case.report.error(
                "MS543",
                f"the target `{name}` is padded in front, but its loss takes the labels from the"
                " start of a target",
                data.spans.get(("targets", name)) or data.span,
                help="write `pad: {padding: post}`",
            )

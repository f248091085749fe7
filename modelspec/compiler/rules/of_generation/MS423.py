"""An input of the model for which `generate` has no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..case import Case


def check(case: Case) -> None:
    """Every such input of the model."""
    found, typed = case.generation, case.typed
    if found is None or typed is None:
        return
    features = case.data.inputs if case.data is not None and case.data.inputs else {}
    single = case.data is not None and case.data.inputs is None and len(typed.inputs) == 1
    for name in found.from_rows:
        feature = features.get(name)
        if single or (feature is not None and feature.random is None):
            continue
        drawn = feature is not None and feature.random is not None
        why = "is drawn at random in training" if drawn else "is not an input of `data`"
        case.report.error(
            "MS423",
            f"the input `{name}` of the model has no value: it {why}, and `inputs` of `generate`"
            " do not set it",
            found.generation.span,
            help=f"add it to `inputs` of `generate`: `{name}: random_normal(x)`"
            if drawn
            else f"add `{name}` to `inputs` of `generate`",
        )

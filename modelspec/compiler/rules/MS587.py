"""`lora` for a layer whose settings exclude adapters."""

from __future__ import annotations

from ..infer.low_rank import covered
from ..spec.initial_weights import PatternSet
from .case import Case


def check(case: Case) -> None:
    """Report each matched layer that has a constraint, or adapters already."""
    reported: set[str] = set()
    for pattern in case.adapted:
        match = PatternSet((pattern.text,))
        for one in case.adaptable:
            setting = one.excluded_by
            if setting is None or one.path in reported or not covered(match, one.path):
                continue
            reported.add(one.path)
            already = setting == "lora_rank"
            case.report.error(
                "MS587",
                f"`lora` matches `{one.path}`, "
                + (
                    "which has adapters already, by its `lora_rank`"
                    if already
                    else f"but Keras does not support adapters beside its `{setting}`"
                ),
                pattern.span,
                help=f"remove `{setting}`, or do not match the layer",
            )

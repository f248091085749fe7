"""A tensor that `generate` reads, and whose weights are not trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Fault

from ...infer.objective_terms import unreached

if TYPE_CHECKING:
    from ..case import Case


def check(case: Case) -> None:
    """Every tensor that the formulas read."""
    found, typed = case.generation, case.typed
    if found is None or typed is None:
        return
    for name, ref in found.tensors.items():
        call = unreached(typed, ref)
        if call is not None:
            fault = Fault(
                "MS429",
                f"no output of the model depends on `{name}`, so the weights of `{call.name}` are"
                " not trained, and not part of a run",
                help=f"add `{name}` to `outputs` of the model",
            )
            case.report.report(fault, ref.span)

"""A `generate` section that does not use the model, or whose steps are all equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..case import Case


def check(case: Case) -> None:
    """The section as a whole."""
    found = case.generation
    if found is None:
        return
    generation = found.generation
    if not found.tensors:
        case.report.error(
            "MS426",
            "no formula of `generate` names a tensor of the model",
            generation.span,
            help="name an output of the model in `update` or `result`",
        )
    elif generation.steps > 1 and not generation.updates:
        case.report.error(
            "MS426",
            f"`generate` has {generation.steps} steps, but no `update`: all steps are equal",
            generation.span,
            help="write `update`, or remove `steps`",
        )

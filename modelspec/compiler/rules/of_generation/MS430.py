"""A state or a value of `generate` that no formula reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import listed

from ...spec.generate_section import PLACE_NAMES

if TYPE_CHECKING:
    from ..case import Case


def check(case: Case) -> None:
    """Every state and every value of the section."""
    if case.generation is None:
        return
    generation = case.generation.generation
    read = {name for one in generation.formulas for name in one.formula.arguments}
    names = [*generation.states, *generation.values]
    spans = {one.name: one.span for one in generation.states.values()}
    spans |= {one.name: one.span for one in generation.values.values()}
    for name, span in spans.items():
        if name not in read and name not in PLACE_NAMES:
            case.report.warning(
                "MS430",
                f"no formula of `generate` reads `{name}`",
                span,
                help=f"remove it; the formulas read {listed([one for one in names if one in read])}"
                if any(one in read for one in names)
                else "remove it",
            )

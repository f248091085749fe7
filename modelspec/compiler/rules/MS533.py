"""A pattern of `freeze` that names layers without weights."""

from __future__ import annotations

from .case import Case
from .layer_patterns import complete, paths_with_weights


def check(case: Case) -> None:
    """Every pattern that names layers, where all layers are known."""
    if case.typed is None or case.fitting is None or not complete(case.typed):
        return
    with_weights = paths_with_weights(case.typed)
    for pattern in case.frozen:
        if pattern.named and with_weights.isdisjoint(pattern.named):
            case.report.warning(
                "MS533",
                f"`{pattern.text}` names layers without weights: there is nothing in them to"
                " freeze",
                pattern.span,
                help="name the layers whose weights should stay, or remove it",
            )

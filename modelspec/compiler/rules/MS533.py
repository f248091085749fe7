"""A pattern of `freeze` that matches only layers without weights."""

from __future__ import annotations

from .case import Case
from .layer_patterns import complete, paths_with_weights


def check(case: Case) -> None:
    """Check every pattern, if all layers are known."""
    if case.typed is None or not case.frozen or not complete(case.typed):
        return
    with_weights = paths_with_weights(case.typed)
    for pattern in case.frozen:
        if pattern.named and with_weights.isdisjoint(pattern.named):
            case.report.warning(
                "MS533",
                f"`{pattern.text}` matches only layers without weights: they have nothing to"
                " freeze",
                pattern.span,
                help="name the layers whose weights should not change, or remove it",
            )

"""A pattern of `lora` that matches no layer that can have adapters."""

from __future__ import annotations

from modelspec.core.diagnostics import listed
from modelspec.core.source import locate

from ..infer.low_rank import covered
from ..spec.initial_weights import PatternSet
from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """Check every pattern of `layers`, if all layers are known."""
    if case.typed is None or case.fitting is None or not complete(case.typed):
        return
    if case.fitting.lora is not None and not case.fitting.lora.layers:
        case.report.error(
            "MS574",
            "`layers` of `lora` is empty: no layer has adapters",
            locate(case.fitting.node, ("lora", "layers")) or case.fitting.span,
            help="name the layers that get adapters, or remove `lora`",
        )
    for pattern in case.adapted:
        match = PatternSet((pattern.text,))
        if not pattern.named or any(covered(match, one.path) for one in case.adaptable):
            continue
        paths = list(dict.fromkeys(one.path for one in case.adaptable))
        case.report.error(
            "MS574",
            f"`{pattern.text}` matches no layer that can have low-rank adapters",
            pattern.span,
            help=(
                f"layers of this model that can have adapters: {listed(paths[:5])}"
                if paths
                else "add adapters to layers like `Dense`, `EinsumDense`, `Embedding` or `Conv2D`,"
                " or remove `lora`"
            ),
        )

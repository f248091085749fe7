"""A last layer that drops elements of an output."""

from __future__ import annotations

from .case import Case
from .graph_walk import by_name, layer_of


def check(case: Case) -> None:
    """Check every output of a model with training."""
    if case.typed is None or case.fitting is None:
        return
    calls = by_name(case.typed)
    for public, ref in case.typed.graph.outputs.items():
        last = calls.get(ref.producer)
        layer = layer_of(last) if last is not None else None
        if last is not None and layer is not None and layer.drops_values:
            case.report.warning(
                "MS525",
                f"`{last.name}` drops elements of output `{public}` itself",
                last.call.use.kind_span,
                help="move it before the last layer with weights, or remove it",
            )

"""A layer that works outside training but fails in training."""

from __future__ import annotations

from modelspec.core.shapes import show

from .case import Case
from .running_calls import RunningCalls


def check(case: Case) -> None:
    """Check every call of such a layer in a model with training."""
    if case.fitting is None:
        return
    found = case.layers.stating("fails_in_training")
    if not found:
        return
    running = RunningCalls(case)
    for call, layer, _, _ in found:
        if not call.outputs or call.call.use.options.get("training") is False:
            continue
        if call not in running:
            continue
        reason = layer.fails_in_training(call.outputs[0])
        if reason is not None:
            case.report.error(
                "MS596",
                f"`{layer.kind()}` {reason}: `{call.name}` outputs {show(call.outputs[0].shape)}",
                call.call.use.kind_span,
                help=f"remove `{call.name}`, or use larger images",
            )

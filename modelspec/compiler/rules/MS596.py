"""A layer that works outside training but fails in training."""

from __future__ import annotations

from modelspec.core.shapes import show

from .case import Case
from .graph_walk import layer_of


def check(case: Case) -> None:
    """Check every call of such a layer in a model with training."""
    for typed in case.graphs if case.fitting is not None else ():
        for call in typed.layers:
            layer = layer_of(call)
            if layer is None or not call.outputs or call.call.use.options.get("training") is False:
                continue
            reason = layer.fails_in_training(call.outputs[0])
            if reason is not None:
                case.report.error(
                    "MS596",
                    f"`{layer.kind()}` {reason}: `{call.name}` outputs"
                    f" {show(call.outputs[0].shape)}",
                    call.call.use.kind_span,
                    help=f"remove `{call.name}`, or use larger images",
                )

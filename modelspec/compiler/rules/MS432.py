"""A layer that gives other examples than it takes, in a model that is trained."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..infer import TypedCall
from .case import Case
from .graph_walk import distinct, layer_of, setting_span


def check(case: Case) -> None:
    """Check every call with several tensors that an output depends on."""
    if case.typed is None or case.fitting is None:
        return
    if not case.layers.stating("changes_batch"):
        return
    for typed in distinct(case.typed, running=True):
        for call in typed.alive:
            setting = _changing(call)
            if setting is not None:
                count = len(list(call.call.refs()))
                case.report.error(
                    "MS432",
                    f"`{call.name}` joins the batches of {count} tensors: its output has {count}"
                    " times the examples of the batch, and no targets for them",
                    setting_span(call, setting) or call.call.use.kind_span,
                    notes=[Note("the training", case.fitting.span)] if case.fitting.span else [],
                    help=f"use another `{setting}`: axis 0 is the batch",
                )


def _changing(call: TypedCall) -> str | None:
    layer = layer_of(call)
    setting = layer.changes_batch(call.outputs[0]) if layer is not None and call.outputs else None
    return setting if setting is not None and len(list(call.call.refs())) > 1 else None

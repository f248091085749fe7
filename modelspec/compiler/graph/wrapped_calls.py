"""Calls of shared models through wrappers: which models a wrapper can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Collector, Note

from ..spec.entries import Use
from .graph import Call, Graph


def fits_wrapper(callee: Layer | Graph, use: Use, report: Collector) -> bool:
    """Whether a wrapper can hold what an entry calls through it; otherwise a fault: MS209 for a
    shared layer, MS205 for a model of several inputs or outputs.
    """
    if not use.around:
        return True
    wrapper, name = use.around[0].kind(), use.kind
    if isinstance(callee, Layer):
        report.error(
            "MS209",
            f"`{wrapper}` in a sub-model holds shared models, and `{name}` is a layer, in this"
            " version",
            use.kind_span,
            help=f"write the layer itself in it, or make `{name}` a list of one layer",
        )
        return False
    counts = {"input": len(callee.arguments), "output": len(callee.outputs)}
    for noun, count in counts.items():
        if count > 1:
            report.error(
                "MS205",
                f"`{wrapper}` gives its model one tensor and takes one from it, but `{name}` has"
                f" {count} {noun}s",
                use.kind_span,
                notes=[Note("it is defined here", callee.span)],
                help=f"bring them to one {noun}, e.g. with `Concatenate`",
            )
            return False
    return True


def are_alike(before: Iterable[Call], call: Call, report: Collector) -> bool:
    """Whether a model is called through as many wrappers as before; otherwise a fault (MS209): the
    model and the wrapper around it would have the same name.
    """
    if call.shared is None or not isinstance(call.callee, Graph):
        return True
    calls = (one for one in before if one.shared == call.shared and one.callee is not None)
    first = next(calls, call)
    if len(first.use.around) == len(call.use.around):
        return True
    wrapped = call if call.use.around else first
    report.error(
        "MS209",
        f"`{wrapped.use.around[0].kind()}` takes no `{call.shared}`, which is called on its own as"
        " well, or in other wrappers, in this version",
        call.use.kind_span,
        notes=[Note("it is called here", first.use.kind_span)],
        help="use two of them, or call it in the same wrappers everywhere in this model",
    )
    return False


def in_error(call: Call) -> Call:
    """The call without what it calls: what takes its tensor stays silent."""
    return replace(call, callee=None, inputs=None)

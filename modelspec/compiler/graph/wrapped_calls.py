"""Calls of shared models through wrappers: which models a wrapper can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Collector, Note

from ..spec.entries import Use
from .graph import Call, Graph


def fits_wrapper(callee: Layer | Graph, use: Use, report: Collector) -> bool:
    """Whether a wrapper can hold the definition that an entry calls through it; otherwise an error:
    MS209 for a shared layer, MS205 for a model with several inputs or outputs.
    """
    if not use.around:
        return True
    wrapper, name = use.around[0].kind(), use.kind
    if isinstance(callee, Layer):
        report.error(
            "MS209",
            f"`{wrapper}` in a sub-model supports only shared models in this version, and `{name}`"
            " is a layer",
            use.kind_span,
            help=f"write the layer itself inside `{wrapper}`, or make `{name}` a list of one layer",
        )
        return False
    counts = {"input": len(callee.arguments), "output": len(callee.outputs)}
    for noun, count in counts.items():
        if count > 1:
            report.error(
                "MS205",
                f"`{wrapper}` requires a model with one input and one output, but `{name}` has"
                f" {count} {noun}s",
                use.kind_span,
                notes=[Note("it is defined here", callee.span)],
                help=f"combine them into one {noun}, e.g. with `Concatenate`",
            )
            return False
    return True


def are_alike(before: Iterable[Call], call: Call, report: Collector) -> bool:
    """Whether a model is called through the same number of wrappers as before; otherwise an error
    (MS209): the model and the wrapper around it would have the same name.
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
        f"`{wrapped.use.around[0].kind()}` cannot wrap `{call.shared}` in this version, because it"
        " is also called alone or in other wrappers",
        call.use.kind_span,
        notes=[Note("it is called here", first.use.kind_span)],
        help="define it twice, or call it in the same wrappers everywhere in this model",
    )
    return False


def in_error(call: Call) -> Call:
    """The call without its model, so that calls that take its tensor cause no errors."""
    return replace(call, callee=None, inputs=None)

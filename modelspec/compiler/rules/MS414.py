"""A layer with another output size outside training, before a layer that requires one size."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import may_equal, show

from .case import Case
from .outside_training import Changed, Unfit, follow
from .running_calls import RunningCalls


def check(case: Case) -> None:
    """Report every call that does not accept its inputs outside training, and every trained output
    with another shape there.
    """
    if case.typed is None or case.fitting is None:
        return
    if not case.layers.stating("outside_training"):
        return
    unfit, outputs = follow(case.typed)
    running = RunningCalls(case)
    for one in unfit:
        if one.call in running:
            _layer(case, one)
    for output, changed in outputs.items():
        trained = case.typed.outputs[output].shape
        pairs = zip(trained, changed.tensor.shape, strict=False)
        if output in case.fitting.losses and not all(may_equal(a, b) for a, b in pairs):
            _output(case, output, changed)


def _layer(case: Case, one: Unfit) -> None:
    by, call = one.given.by, one.call
    note = Note(f"`{call.name}` takes {show(one.given.tensor.shape)}", call.call.use.kind_span)
    case.report.error(
        "MS414",
        f"`{by.name}` outputs another image size outside training, which `{call.name}` cannot"
        f" take: {one.reason}",
        by.call.use.kind_span,
        notes=[note],
        help=_help(by.name),
    )


def _output(case: Case, output: str, changed: Changed) -> None:
    assert case.typed is not None
    trained = case.typed.outputs[output].shape
    case.report.error(
        "MS414",
        f"`{changed.by.name}` outputs another image size outside training, so output"
        f" `{output}` is {show(changed.tensor.shape)} there, but {show(trained)} in training",
        changed.by.call.use.kind_span,
        help=_help(changed.by.name),
    )


def _help(name: str) -> str:
    return f"add a `CenterCrop` of the same size after `{name}`, or give the input that size"

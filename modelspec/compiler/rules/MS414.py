"""A layer that gives another size outside of training, where what follows takes one size alone."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import may_equal, show

from .case import Case
from .outside_training import Changed, Unfit, follow


def check(case: Case) -> None:
    """Every call that cannot take what it gets outside of training, and every trained output that
    would be of another shape than in training.
    """
    if case.typed is None or case.fitting is None:
        return
    unfit, outputs = follow(case.typed)
    for one in unfit:
        _layer(case, one)
    for output, changed in outputs.items():
        said = case.typed.outputs[output].shape
        pairs = zip(said, changed.tensor.shape, strict=False)
        if output in case.fitting.losses and not all(may_equal(a, b) for a, b in pairs):
            _output(case, output, changed)


def _layer(case: Case, one: Unfit) -> None:
    by, call = one.given.by, one.call
    note = Note(f"`{call.name}` takes {show(one.given.tensor.shape)}", call.call.use.kind_span)
    case.report.error(
        "MS414",
        f"`{by.name}` gives images of another size outside of training, which `{call.name}` cannot"
        f" take: {one.reason}",
        by.call.use.kind_span,
        notes=[note],
        help=_help(by.name),
    )


def _output(case: Case, output: str, changed: Changed) -> None:
    assert case.typed is not None
    said = case.typed.outputs[output].shape
    case.report.error(
        "MS414",
        f"`{changed.by.name}` gives images of another size outside of training, so that output"
        f" `{output}` is {show(changed.tensor.shape)} there, and {show(said)} in training",
        changed.by.call.use.kind_span,
        help=_help(changed.by.name),
    )


def _help(name: str) -> str:
    return f"put a `CenterCrop` of the same size behind `{name}`, or give the input that size"

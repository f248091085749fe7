"""Unreduced losses of a batch that cannot be added to the rest of the loss."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import Shape, show
from modelspec.core.source import locate

from .case import Case
from .loss_terms import Term, penalty, terms
from .weighted_values import combines


def check(case: Case) -> None:
    """Check every loss with `reduction: none` next to another loss or the penalty of a layer."""
    if case.fitting is None or case.typed is None:
        return
    found = list(terms(case))
    firsts: dict[Shape, Term] = {}  # many outputs share few shapes
    for one in found:
        others = (term for term in firsts.values() if not combines(one.shape, term.shape))
        other = next(others, None)
        firsts.setdefault(one.shape, one)
        if other is not None:
            _report(case, *((other, one) if other.shape and not one.shape else (one, other)))
            return
    open_term = next((one for one in found if one.shape), None)
    call = penalty(case.typed) if open_term is not None else None
    if open_term is not None and call is not None:
        note = Note(f"`{call.name}` adds a number to the loss", call.call.use.kind_span)
        _say(case, open_term, f"the penalty of `{call.name}`", note)


def _report(case: Case, one: Term, other: Term) -> None:
    note = Note("the other loss", other.output.loss.span)
    shown = f" {show(other.shape)}" if other.shape else ""
    _say(case, one, f"the loss{shown} of output `{other.output.head.output}`", note)


def _say(case: Case, one: Term, what: str, note: Note) -> None:
    loss = one.output.loss
    case.report.error(
        "MS588",
        f"`reduction: none` gives the loss of output `{one.output.head.output}` the shape"
        f" {show(one.shape)}, which cannot be added to {what}",
        locate(loss.node, (loss.written, "reduction")) or loss.span,
        notes=[note],
        help="leave `reduction` out: the loss of a batch is then one number",
    )

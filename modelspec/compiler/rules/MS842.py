"""A term of an objective that reads weights which no output of the model depends on."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..infer.objective_terms import unreached
from .case import Case


def check(case: Case) -> None:
    """Report each term once: the saved model would not contain the weights that it trains."""
    typed = case.typed
    for one in case.objective if typed is not None else ():
        assert typed is not None
        for name, ref in one.resolved.tensors.items():
            call = unreached(typed, ref)
            if call is not None:
                case.report.error(
                    "MS842",
                    f"the term `{one.resolved.name}` reads `{ref.producer}`, but no output of the"
                    f" model depends on the weights of `{call.name}`",
                    one.resolved.term.references[name].span,
                    notes=[Note(f"`{call.name}` is called here", call.call.use.kind_span)],
                    help=f"add `{ref.producer}` to `outputs`: an output without a loss requires no"
                    " target",
                )
                break

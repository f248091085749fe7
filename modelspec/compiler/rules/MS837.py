"""An optimizer that is kept for weights that it did not train before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modelspec.core.diagnostics import Note, listed
from modelspec.core.shapes import Tensor

from ..infer.stage_graphs import StageGraph
from ..infer.trained_weights import with_optimizers
from .case import Case

_SHOWN = 3


def check(case: Case) -> None:
    """Check every stage that keeps the optimizer of the stage before."""
    for before, after in zip(case.stages, case.stages[1:], strict=False):
        span = after.stage.keep
        if span is None:
            continue
        new = list((Counter(_with_slots(after)) - Counter(_with_slots(before))).elements())
        if not new:
            continue
        weights = "a weight" if len(new) == 1 else f"{len(new)} weights"
        case.report.warning(
            "MS837",
            f"the stage `{after.stage.name}` keeps the optimizer, but trains {weights} that"
            f" `{before.stage.name}` does not: the optimizer has no state for"
            f" {'it' if len(new) == 1 else 'them'}, and starts from zero",
            span,
            notes=[Note(f"new: {listed(new[:_SHOWN])}{' ...' if new[_SHOWN:] else ''}")],
            help="name an optimizer, which starts for all weights, or freeze the same layers",
        )


def _with_slots(one: StageGraph) -> Iterator[str]:
    """The trained weights for which the optimizer has a state."""
    for trained, optimizer in with_optimizers(one.graph, one.stage.training):
        if optimizer.slots(trained.path, Tensor(trained.weight.shape, trained.weight.dtype)):
            yield trained.path

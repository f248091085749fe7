"""The better direction of each metric of a run."""

from __future__ import annotations

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.logged_quantities import direction_of, logged

from ..history.slices import SmallerIsBetter
from .original_metrics import PREFIX


def smaller_is_better(compiled: Compiled) -> SmallerIsBetter:
    """A function from the name of a metric to whether a smaller value is better; None if neither
    direction is better, and for a name that the spec does not log.
    """
    directions = {} if compiled.training is None else logged(compiled.training)

    def is_small(name: str) -> bool | None:
        direction = direction_of(name.removeprefix(PREFIX), directions)
        return None if direction is None else direction == "down"

    return is_small

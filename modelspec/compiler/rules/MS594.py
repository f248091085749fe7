"""A metric whose name is already used by another logged quantity."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Metric
from modelspec.core.source import locate

from ..spec.training_section import Chosen, Training
from .case import Case

_COLUMNS = ("batch", "epoch", "learning_rate", "loss", "seconds")
"""Names that a run logs besides metrics."""
_VALIDATION = "val_"


def check(case: Case) -> None:
    """Check every metric by its full name, with the output as prefix if there are several."""
    training = case.fitting
    if training is None:
        return
    several = len(training.outputs) > 1
    taken = {*_COLUMNS, *(f"{output}_loss" for output in training.losses if several)}
    found = list(_named(training, several))
    taken |= {f"{_VALIDATION}{name}" for name in (*taken, *(name for name, _ in found))}
    for name, chosen in found:
        if name in taken:
            case.report.error(
                "MS594",
                f"the metric `{chosen.written}` is logged as `{name}`, which is already the name of"
                f" {_what(name)}",
                locate(chosen.node, (chosen.written, "name")) or chosen.span,
                help="give it another `name`",
            )


def _named(training: Training, several: bool) -> Iterator[tuple[str, Chosen]]:
    every = ((False, training.metrics), (True, training.weighted_metrics))
    for weighted, by_output in every:
        for output, metrics in by_output.items():
            for chosen in metrics:
                assert isinstance(chosen.settings, (Metric, str))
                name = log_name(chosen.settings, weighted=weighted)
                yield (f"{output}_{name}" if several else name), chosen


def _what(name: str) -> str:
    if name.startswith(_VALIDATION):
        return f"`{name.removeprefix(_VALIDATION)}` on the validation data"
    return "a loss" if name.endswith("loss") else "another column of the history"

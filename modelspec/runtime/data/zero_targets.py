"""Targets that are 0 with a loss or a metric that divides by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelspec.compiler.spec.training_section import Chosen, Training

from .errors import Findings
from .examples import Part

_AT_ONCE = 65_536
"""Examples that are checked together: targets may be on disk."""


def check_zero_targets(
    training: Training | None, parts: Mapping[str, Part], findings: Findings
) -> None:
    """MS638 for every such loss and metric, on the first part that contains a zero."""
    if training is None:
        return
    for output, chosen in _relative(training):
        for name, part in parts.items():
            values = part.examples.targets.get(output)
            zeros = _zeros(values, part.rows_of("targets")) if values is not None else 0
            if zeros:
                findings.warning(
                    "MS638",
                    f"`{chosen.written}` divides by the targets, and {zeros:,} of those of output"
                    f" `{output}` in the {name} part {'is' if zeros == 1 else 'are'} 0: each counts"
                    " as an error of about 1e9 %",
                    chosen.span,
                    help="use `mae` or `RootMeanSquaredError`, or remove these rows",
                )
                break


def _relative(training: Training) -> Iterator[tuple[str, Chosen]]:
    for output, loss in training.losses.items():
        if getattr(loss.settings, "relative", False):
            yield output, loss
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            yield from (
                (output, one) for one in metrics if getattr(one.settings, "relative", False)
            )


def _zeros(values: Any, positions: Any) -> int:
    starts = range(0, len(positions), _AT_ONCE)
    blocks = (values[positions[start : start + _AT_ONCE]] for start in starts)
    return sum(int(block.size - np.count_nonzero(block)) for block in blocks)

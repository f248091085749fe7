"""Training steps that change no weights, as far as the number of steps shows: gradients that are
accumulated but never applied, and a learning rate that has reached 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelspec.catalog.components.optimizer import Gradient, Optimizer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Span

from .batches import steps
from .errors import Findings


def check_idle_steps(compiled: Compiled, parts: Mapping[str, int], findings: Findings) -> None:
    """MS637: checks the optimizers of a spec against the number of training steps.

    `parts` has the number of examples of each part. The stages of a training are checked
    separately.
    """
    training = compiled.training
    if training is None or training.stages or not parts.get("train"):
        return
    if not isinstance(training.optimizer, Optimizer):
        return
    every = steps(parts["train"], training.batch_size) * training.epochs
    span = _optimizer_span(training)
    for optimizer in training.optimizer.gradients:
        _check_accumulation(optimizer, every, span, findings)
        _check_schedule(optimizer, every, span, findings)


def _optimizer_span(training: Training) -> Span:
    written = training.node.entries.get("optimizer")
    return written.value.span if written is not None else training.span


def _check_accumulation(optimizer: Gradient, every: int, span: Span, findings: Findings) -> None:
    """Gradients after the last complete group are accumulated, and lost when the run ends."""
    group = optimizer.gradient_accumulation_steps
    lost = every % group if group else 0
    if not lost:
        return
    taken = f"the run takes {every:,} step{'s' if every != 1 else ''}"
    if lost == every:
        message = (
            f"training changes no weights: `gradient_accumulation_steps: {group}` updates them"
            f" every {group} steps, and {taken}"
        )
        help = (
            f"set it to at most {every}, or train for more epochs"
            if every > 1
            else ("remove `gradient_accumulation_steps`, or train for more epochs")
        )
    else:
        message = (
            f"the last {lost} of {every:,} steps change no weights:"
            f" `gradient_accumulation_steps: {group}` updates them every {group} steps"
        )
        help = f"choose `batch_size` and `epochs` so that their steps are a multiple of {group}"
    findings.warning("MS637", message, span, help=help)


def _check_schedule(optimizer: Gradient, every: int, span: Span, findings: Findings) -> None:
    """A rate that is 0 from the first step on is an error in the spec itself (MS551)."""
    settled = optimizer.settled
    if settled is None or settled[1] > 0 or not 0 < settled[0] < every:
        return
    first = settled[0]
    findings.warning(
        "MS637",
        f"the last {every - first:,} of {every:,} steps change no weights: the learning rate is 0"
        f" after {first:,} step{'s' if first != 1 else ''}",
        span,
        help=f"let the schedule last for {every:,} steps, or end above 0",
    )

"""Steps of a training that change no weight, as far as the number of steps shows it: gradients that
are collected and never applied, and a learning rate that has come to 0.
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
    """MS637: the optimizers of a spec against the number of steps that its training takes.

    `parts` has the number of examples of each part.
    """
    training = compiled.training
    if training is None or not parts.get("train") or not isinstance(training.optimizer, Optimizer):
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
    """The steps past the last whole group are collected, and lost with the end of the run."""
    group = optimizer.gradient_accumulation_steps
    lost = every % group if group else 0
    if not lost:
        return
    taken = f"the run takes {every:,} step{'s' if every != 1 else ''}"
    if lost == every:
        message = (
            f"training changes no weight: `gradient_accumulation_steps: {group}` changes them once"
            f" in {group} steps, and {taken}"
        )
        help = (
            f"write at most {every}, or train for more epochs"
            if every > 1
            else ("leave `gradient_accumulation_steps` out, or train for more epochs")
        )
    else:
        message = (
            f"the last {lost} of {every:,} steps change no weight:"
            f" `gradient_accumulation_steps: {group}` changes them once in {group} steps"
        )
        help = f"choose `batch_size` and `epochs` so that the steps are a multiple of {group}"
    findings.warning("MS637", message, span, help=help)


def _check_schedule(optimizer: Gradient, every: int, span: Span, findings: Findings) -> None:
    """A rate that is 0 from the first step on is a fault of the spec alone (MS551)."""
    settled = optimizer.settled
    if settled is None or settled[1] > 0 or not 0 < settled[0] < every:
        return
    first = settled[0]
    findings.warning(
        "MS637",
        f"the last {every - first:,} of {every:,} steps change no weight: the learning rate is 0"
        f" after {first:,} step{'s' if first != 1 else ''}",
        span,
        help=f"let the schedule last for {every:,} steps, or end above 0",
    )

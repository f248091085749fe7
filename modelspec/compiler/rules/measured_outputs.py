"""The metrics of a spec, each beside the head that it measures and the loss that trains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric

from ..spec.training_section import Chosen, Training
from .output_heads import Head

ACCURACY = ("accuracy", "acc")
"""Words for the metric of right answers that fits the targets."""


class Measured(NamedTuple):
    """One metric of one output."""

    head: Head
    loss: Chosen
    loss_settings: Loss
    metric: Chosen
    settings: Metric | None
    """None for a word that follows the target: `accuracy`, `crossentropy`."""

    @property
    def scores(self) -> bool:
        """Whether the head gives scores: the loss takes logits or margins, or there is no
        activation.
        """
        from_logits = getattr(self.loss_settings, "from_logits", False)
        margins = self.loss_settings.of_margins
        return bool(from_logits or margins or self.head.activation == "linear")

    @property
    def one_unit(self) -> bool:
        return self.head.units == 1

    @property
    def several_units(self) -> bool:
        return isinstance(self.head.units, int) and self.head.units > 1


def measured(heads: Mapping[str, Head], training: Training) -> Iterator[Measured]:
    """Every metric whose head and loss are known."""
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            head, loss = heads.get(output), training.losses.get(output)
            if head is None or loss is None or not isinstance(loss.settings, Loss):
                continue
            for metric in metrics:
                settings = metric.settings if isinstance(metric.settings, Metric) else None
                yield Measured(head, loss, loss.settings, metric, settings)

"""The metrics of a spec, each beside the head that it measures and the loss that trains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelspec.catalog.components import ACTIVATIONS
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
        """Whether the head gives scores: the loss takes logits or margins, or the activation gives
        numbers below 0 or above 1.
        """
        from_logits = getattr(self.loss_settings, "from_logits", False)
        return bool(from_logits or self.loss_settings.of_margins or self._beyond_0_to_1)

    @property
    def _beyond_0_to_1(self) -> bool:
        activation = ACTIVATIONS.find(self.head.activation or "")
        return activation is not None and not getattr(activation, "gives_probabilities", True)

    @property
    def several_labels(self) -> bool:
        """Whether each of several units is a yes or no of its own. Those of a softmax are one
        choice, whatever the loss.
        """
        binary = self.loss_settings.targets == "binary"
        return binary and self.several_units and self.head.activation != "softmax"

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

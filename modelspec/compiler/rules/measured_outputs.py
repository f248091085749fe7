"""The metrics of a spec, each with the head that it measures and the loss that trains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from modelspec.catalog.components import ACTIVATIONS
from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.core.records import NamedTuple

from ..spec.training_section import Chosen, Training
from .output_heads import Head

ACCURACY = ("accuracy", "acc")
"""Names of the accuracy metric that is chosen by the targets."""


class OutputMetric(NamedTuple):
    """One metric of one output, which may have no loss, or a formula as its loss."""

    head: Head
    metric: Chosen
    settings: Metric | None
    """None for a name that depends on the target: `accuracy`, `crossentropy`."""


class Measured(NamedTuple):
    """One metric of one output, with the loss that trains it."""

    head: Head
    loss: Chosen
    loss_settings: Loss
    metric: Chosen
    settings: Metric | None
    """None for a name that depends on the target: `accuracy`, `crossentropy`."""

    @property
    def scores(self) -> bool:
        """Whether the head outputs scores: the loss takes logits or margins, or the activation has
        values below 0 or above 1.
        """
        from_logits = getattr(self.loss_settings, "from_logits", False)
        return bool(from_logits or self.loss_settings.of_margins or self._beyond_0_to_1)

    @property
    def _beyond_0_to_1(self) -> bool:
        activation = ACTIVATIONS.find(self.head.activation or "")
        return activation is not None and not getattr(activation, "gives_probabilities", True)

    @property
    def is_accuracy(self) -> bool:
        """Whether the metric is the accuracy that Keras chooses by the targets, in any case."""
        name = self.metric.settings
        return isinstance(name, str) and name.lower() in ACCURACY

    @property
    def several_labels(self) -> bool:
        """Whether each of several units is a separate yes or no. The units of a softmax are one
        choice for any loss.
        """
        binary = self.loss_settings.targets == "binary"
        return binary and self.several_units and self.head.activation != "softmax"

    @property
    def one_unit(self) -> bool:
        return self.head.one_unit

    @property
    def several_units(self) -> bool:
        return self.head.several_units


def output_metrics(heads: Mapping[str, Head], training: Training) -> Iterator[OutputMetric]:
    """Every metric with a known head."""
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            head = heads.get(output)
            for metric in metrics if head is not None else ():
                assert head is not None
                settings = metric.settings if isinstance(metric.settings, Metric) else None
                yield OutputMetric(head, metric, settings)


def measured(metrics: Iterable[OutputMetric], training: Training) -> Iterator[Measured]:
    """The metrics whose output has a known loss."""
    for one in metrics:
        loss = training.losses.get(one.head.output)
        if loss is not None and isinstance(loss.settings, Loss):
            yield Measured(one.head, loss, loss.settings, one.metric, one.settings)

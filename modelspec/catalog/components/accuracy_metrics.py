"""Metrics that count right answers."""

from typing import ClassVar

from .loss import Targets
from .metric import Metric
from .setting_types import Count, Fraction, Name


class Accuracy(Metric):
    """How often an output equals its target exactly; for probabilities write `accuracy`, which
    rounds them.

    ```yaml
    metrics: [{Accuracy: {name: exact}}]
    ```
    """

    targets: ClassVar[Targets] = "numbers"

    name: Name = "accuracy"


class BinaryAccuracy(Metric):
    """How often an output above the threshold has a target of 1, and one below it a target of 0.

    ```yaml
    metrics: [{BinaryAccuracy: {threshold: 0.7}}]
    ```
    """

    targets: ClassVar[Targets] = "binary"

    name: Name = "binary_accuracy"
    threshold: Fraction = 0.5

    @property
    def takes_probabilities(self) -> bool:
        """Scores are compared with a threshold of 0."""
        return self.threshold > 0


class CategoricalAccuracy(Metric):
    """How often the highest output is that of the right class, for one-hot targets.

    ```yaml
    metrics: [categorical_accuracy]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"

    name: Name = "categorical_accuracy"


class SparseCategoricalAccuracy(Metric):
    """How often the highest output is that of the right class, for targets that are indices.

    ```yaml
    metrics: [{SparseCategoricalAccuracy: {name: acc}}]
    ```
    """

    targets: ClassVar[Targets] = "indices"

    name: Name = "sparse_categorical_accuracy"


class TopKCategoricalAccuracy(Metric):
    """How often the right class is among the k highest outputs, for one-hot targets.

    ```yaml
    metrics: [{TopKCategoricalAccuracy: 3}]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"

    k: Count = 5
    name: Name = "top_k_categorical_accuracy"


class SparseTopKCategoricalAccuracy(Metric):
    """How often the right class is among the k highest outputs, for targets that are indices.

    ```yaml
    metrics: [{SparseTopKCategoricalAccuracy: {k: 3, name: top_3}}]
    ```
    """

    targets: ClassVar[Targets] = "indices"

    k: Count = 5
    name: Name = "sparse_top_k_categorical_accuracy"
    from_sorted_ids: bool = False
    """Whether outputs are class indices, best first, rather than scores."""

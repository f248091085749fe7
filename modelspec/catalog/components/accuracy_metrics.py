"""Accuracy metrics."""

from typing import ClassVar

from .loss import Targets
from .metric import SHARE, Bounds, Metric
from .setting_types import Count, Fraction, Name


class Accuracy(Metric):
    """The fraction of outputs that equal their target exactly; for probabilities use `accuracy`,
    which rounds them.

    ```yaml
    metrics: [{Accuracy: {name: exact}}]
    ```
    """

    targets: ClassVar[Targets] = "numbers"
    lies_in: ClassVar[Bounds] = SHARE

    name: Name = "accuracy"


class BinaryAccuracy(Metric):
    """The fraction of outputs that, compared with the threshold, equal their target of 0 or 1.

    ```yaml
    metrics: [{BinaryAccuracy: {threshold: 0.7}}]
    ```
    """

    targets: ClassVar[Targets] = "binary"
    lies_in: ClassVar[Bounds] = SHARE

    name: Name = "binary_accuracy"
    threshold: Fraction = 0.5

    @property
    def takes_probabilities(self) -> bool:
        """Scores are compared with a threshold of 0."""
        return self.threshold > 0


class CategoricalAccuracy(Metric):
    """The fraction of examples whose highest output is that of the true class, for one-hot targets.

    ```yaml
    metrics: [categorical_accuracy]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    lies_in: ClassVar[Bounds] = SHARE

    name: Name = "categorical_accuracy"


class SparseCategoricalAccuracy(Metric):
    """The fraction of examples whose highest output is that of the true class, for targets that are
    indices.

    ```yaml
    metrics: [{SparseCategoricalAccuracy: {name: acc}}]
    ```
    """

    targets: ClassVar[Targets] = "indices"
    lies_in: ClassVar[Bounds] = SHARE

    name: Name = "sparse_categorical_accuracy"


class TopKCategoricalAccuracy(Metric):
    """The fraction of examples whose true class is among the `k` highest outputs, for one-hot
    targets.

    ```yaml
    metrics: [{TopKCategoricalAccuracy: 3}]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    lies_in: ClassVar[Bounds] = SHARE

    k: Count = 5
    name: Name = "top_k_categorical_accuracy"


class SparseTopKCategoricalAccuracy(Metric):
    """The fraction of examples whose true class is among the `k` highest outputs, for targets that
    are indices.

    ```yaml
    metrics: [{SparseTopKCategoricalAccuracy: {k: 3, name: top_3}}]
    ```
    """

    targets: ClassVar[Targets] = "indices"
    lies_in: ClassVar[Bounds] = SHARE

    k: Count = 5
    name: Name = "sparse_top_k_categorical_accuracy"
    from_sorted_ids: bool = False
    """Whether outputs are class indices, best first, rather than one score per class."""

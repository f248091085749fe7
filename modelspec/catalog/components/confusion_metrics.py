"""Metrics based on counts of true and false positives and negatives."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape

from .loss import Targets
from .metric import AT_LEAST_0, SHARE, Bounds, Direction, Metric
from .misfit import Misfit, units_of, without_known_units
from .setting_types import (
    Count,
    Fraction,
    Name,
    NonNegative,
    Positive,
    PositiveFraction,
    Whole,
    numbers,
)

Thresholds = Annotated[float | tuple[float, ...], numbers(0, 1)]
"""The output above which a prediction is positive: a number from 0 to 1, or a list with one result
for each.
"""


class BinaryMetric(Metric):
    targets: ClassVar[Targets] = "binary"
    of_probabilities: ClassVar[bool] = True
    lies_in: ClassVar[Bounds] = SHARE

    def misfit(self, outputs: Shape) -> Misfit | None:
        units = units_of(outputs)
        for setting, least in (("class_id", 1), ("top_k", 0)):
            value = getattr(self, setting, None)
            if units is not None and value is not None and value + least > units:
                return Misfit(
                    f"has `{setting}: {value}`, and the output {units} units",
                    setting,
                    "classes count from 0" if least else f"write a number up to {units}",
                )
        return None


class ThresholdMetric(BinaryMetric):
    @property
    def takes_probabilities(self) -> bool:
        """Scores are compared with a threshold of 0, probabilities with one of 0.5 (by default)."""
        return getattr(self, "thresholds", None) not in (0, (0,))

    def numbers(self, units: int | None) -> int | None:
        """One for each threshold."""
        thresholds = getattr(self, "thresholds", None)
        return len(thresholds) if isinstance(thresholds, tuple) else 1


class ConfusionCount(ThresholdMetric):
    # Keras does not define which direction is better for these, so `mode: auto` does not work with
    # them.
    direction: ClassVar[Direction] = None
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    thresholds: Thresholds | None = None


class TruePositives(ConfusionCount):
    """The number of true positives: targets of 1 with an output above the threshold.

    ```yaml
    metrics: [TruePositives]
    ```
    """


class TrueNegatives(ConfusionCount):
    """The number of true negatives: targets of 0 with an output below the threshold.

    ```yaml
    metrics: [true_negatives]
    ```
    """


class FalsePositives(ConfusionCount):
    """The number of false positives: targets of 0 with an output above the threshold.

    ```yaml
    metrics: [{FalsePositives: 0.8}]
    ```
    """


class FalseNegatives(ConfusionCount):
    """The number of false negatives: targets of 1 with an output below the threshold.

    ```yaml
    metrics: [{FalseNegatives: {thresholds: [0.3, 0.5]}}]
    ```
    """


class Precision(ThresholdMetric):
    """The fraction of the outputs above the threshold whose target is 1.

    ```yaml
    metrics: [{Precision: {class_id: 2}}]
    ```
    """

    thresholds: Thresholds | None = None
    top_k: Count | None = None
    """Counts the `top_k` largest outputs of each example as positive; `null` uses `thresholds`."""
    class_id: Whole | None = None
    """The index of the only class to measure; `null` measures all classes together."""


class Recall(ThresholdMetric):
    """The fraction of the targets of 1 whose output is above the threshold.

    ```yaml
    metrics: [{Recall: {top_k: 5}}]
    ```
    """

    thresholds: Thresholds | None = None
    top_k: Count | None = None
    """Counts the `top_k` largest outputs of each example as positive; `null` uses `thresholds`."""
    class_id: Whole | None = None
    """The index of the only class to measure; `null` measures all classes together."""


class SensitivityAtSpecificity(BinaryMetric):
    """The best sensitivity (recall) of any threshold with at least this specificity.

    ```yaml
    metrics: [{SensitivityAtSpecificity: 0.9}]
    ```

    https://en.wikipedia.org/wiki/Sensitivity_and_specificity
    """

    specificity: Fraction
    num_thresholds: Count = 200
    class_id: Whole | None = None


class SpecificityAtSensitivity(BinaryMetric):
    """The best specificity of any threshold with at least this sensitivity (recall).

    ```yaml
    metrics: [{SpecificityAtSensitivity: 0.95}]
    ```

    https://en.wikipedia.org/wiki/Sensitivity_and_specificity
    """

    sensitivity: Fraction
    num_thresholds: Count = 200
    class_id: Whole | None = None


class PrecisionAtRecall(BinaryMetric):
    """The best precision of any threshold with at least this recall.

    ```yaml
    metrics: [{PrecisionAtRecall: {recall: 0.8, num_thresholds: 100}}]
    ```
    """

    recall: Fraction
    num_thresholds: Count = 200
    class_id: Whole | None = None


class RecallAtPrecision(BinaryMetric):
    """The best recall of any threshold with at least this precision.

    ```yaml
    metrics: [{RecallAtPrecision: 0.9}]
    ```
    """

    precision: Fraction
    num_thresholds: Count = 200
    class_id: Whole | None = None


class AUC(BinaryMetric):
    """The area under the curve of true against false positives (ROC), or of precision against
    recall (PR).

    ```yaml
    metrics: [{AUC: {curve: PR, name: pr_auc}}]
    ```

    Davis and Goadrich, 2006: https://www.biostat.wisc.edu/~page/rocpr.pdf
    """

    num_thresholds: Annotated[int, Field(ge=2)] = 200
    """The number of thresholds at which the curve is computed, at least 2; more are more exact."""
    curve: Literal["ROC", "PR", "PRGAIN", "roc", "pr", "prgain"] = "ROC"
    summation_method: Literal[
        "interpolation", "minoring", "majoring", "Interpolation", "Minoring", "Majoring"
    ] = "interpolation"
    thresholds: tuple[Fraction, ...] | None = None
    """The thresholds from 0 to 1, in place of `num_thresholds` evenly spaced ones."""
    multi_label: bool = False
    """Whether to compute an area for each label and average the areas, rather than one area over
    all labels.
    """
    num_labels: Count | None = None
    """The number of labels; only with `multi_label`."""
    label_weights: tuple[NonNegative, ...] | None = None
    from_logits: bool = False
    """Whether outputs are logits (no sigmoid) rather than probabilities."""

    @model_validator(mode="after")
    def _labels(self) -> Self:
        if self.num_labels is not None and not self.multi_label:
            refuse(
                "`num_labels` requires `multi_label: true`",
                "MS208",
                "num_labels",
                help="set `multi_label: true`, or remove `num_labels`",
            )
        return self

    def misfit(self, outputs: Shape) -> Misfit | None:
        if self.multi_label and len(outputs) != 2:
            return Misfit(
                "supports `multi_label` for outputs (batch, units) only",
                "multi_label",
                "leave out `multi_label`, or reshape the output to two axes",
            )
        units = units_of(outputs)
        counts = {"num_labels": self.num_labels, "label_weights": len(self.label_weights or ())}
        for setting, count in counts.items():
            if count and units is not None and count != units:
                return Misfit(
                    f"has {count} labels in `{setting}`, and the output {units} units",
                    setting,
                    "use one for each unit, or leave it out",
                )
        return None


class FBetaScore(Metric):
    """The harmonic mean of precision and recall, with recall `beta` times as important.

    ```yaml
    metrics: [{FBetaScore: {beta: 2.0, threshold: 0.5}}]
    ```

    Outputs and targets are both of shape (batch, classes).
    """

    targets: ClassVar[Targets] = "one_hot"
    lies_in: ClassVar[Bounds] = SHARE

    average: Literal["micro", "macro", "weighted"] | None = None
    """How the scores of the classes become one: `micro` (all counts together), `macro` (their
    mean), `weighted` (weighted by the number of examples); `null` gives one score per class.
    """
    beta: Positive = 1.0
    threshold: PositiveFraction | None = None
    """Outputs above it count as positive; `null` counts only the largest output of each example."""
    name: Name = "fbeta_score"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return without_known_units(outputs)

    def numbers(self, units: int | None) -> int | None:
        return units if self.average is None else 1

    @property
    def takes(self) -> Targets:
        return self.targets if self.threshold is None else "binary"

    @property
    def takes_probabilities(self) -> bool:
        """Without a threshold the highest output is chosen, which also works for scores."""
        return self.threshold is not None


class F1Score(Metric):
    """The harmonic mean of precision and recall.

    ```yaml
    metrics: [{F1Score: {average: macro}}]
    ```

    Outputs and targets are both of shape (batch, classes).
    """

    targets: ClassVar[Targets] = "one_hot"
    lies_in: ClassVar[Bounds] = SHARE

    average: Literal["micro", "macro", "weighted"] | None = None
    """How the scores of the classes become one: `micro` (all counts together), `macro` (their
    mean), `weighted` (weighted by the number of examples); `null` gives one score per class.
    """
    threshold: PositiveFraction | None = None
    """Outputs above it count as positive; `null` counts only the largest output of each example."""
    name: Name = "f1_score"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return without_known_units(outputs)

    def numbers(self, units: int | None) -> int | None:
        return units if self.average is None else 1

    @property
    def takes(self) -> Targets:
        return self.targets if self.threshold is None else "binary"

    @property
    def takes_probabilities(self) -> bool:
        """Without a threshold the highest output is chosen, which also works for scores."""
        return self.threshold is not None

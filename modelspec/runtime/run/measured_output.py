"""One output of a batch as input for its metrics and loss: targets, outputs, and the weight of each
value.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

_SMALLEST_PRECISION = "float32"


class ComparedOutput:
    """One output of a batch with its targets, and which of its values count.

    A value is a unit for which the loss is computed: an example, or each of its steps or pixels.
    """

    def __init__(self, targets: Any, outputs: Any, loss: Any) -> None:
        self._loss = loss
        self._mask = getattr(outputs, "_keras_mask", None)
        self._ignored = getattr(loss, "ignore_class", None)
        self._outputs = _at_least_single(outputs)
        self._targets = targets
        if self._ignored is not None:
            classes = targets[..., 0] if targets.shape.rank == outputs.shape.rank else targets
            self._counted = tf.not_equal(classes, tf.cast(self._ignored, classes.dtype))
            # Any valid class, so that metrics do not get an invalid class number.
            self._targets = tf.where(
                tf.equal(targets, tf.cast(self._ignored, targets.dtype)),
                tf.zeros_like(targets),
                targets,
            )

    @property
    def step_rank(self) -> int:
        """The axes of the output before the axis of its units."""
        rank: int = self._outputs.shape.rank
        return max(1, rank - 1)

    def kept(self, *, masked: bool = True) -> Any:
        """1 for values that count, 0 for ignored values and, if `masked`, padding; None if all
        count.
        """
        found = [self._counted] if self._ignored is not None else []
        if masked and self._mask is not None:
            found.append(self._mask)
        if not found:
            return None
        kept = tf.cast(found[0], _SMALLEST_PRECISION)
        for one in found[1:]:
            kept = kept * tf.cast(one, _SMALLEST_PRECISION)
        return kept

    @property
    def counts(self) -> Any:
        """The number of values, and of those that count: float64 of shape (2,)."""
        shape = tf.shape(self._outputs)[: self.step_rank]
        every = tf.reduce_prod(tf.cast(shape, "float64"))
        kept = self.kept()
        return tf.stack([every, every if kept is None else tf.reduce_sum(tf.cast(kept, "float64"))])

    def weight_among_batches(self, weights: Any) -> Any:
        """The weight of this batch's mean loss in the mean over batches; None: its number of
        examples.

        A mean over the values that count is weighted by their number, so that the mean over all
        batches is the mean over all values, however they are split into batches.
        """
        if not isinstance(self._loss, keras.losses.Loss):
            return None
        kept, reduction = self.kept(), self._loss.reduction
        if reduction == _BY_WEIGHTS and weights is not None:
            values = tf.shape(self._outputs)[: self.step_rank]
            spread = tf.cast(spread_over(weights, values), _SMALLEST_PRECISION)
            return tf.reduce_sum(spread if kept is None else spread * kept)
        if kept is None or reduction not in _MEANS:
            return None
        return tf.reduce_sum(kept)


class MeasuredOutput(ComparedOutput):
    """One output of a batch, prepared for its metrics."""

    def __init__(
        self,
        targets: Any,
        outputs: Any,
        weights: Any,
        loss: Any,
        plain: tuple[Any, ...],
        weighted: tuple[Any, ...],
    ) -> None:
        super().__init__(targets, outputs, loss)
        self.given = targets, outputs, weights, loss
        self.weights = weights
        self.plain, self.weighted = plain, weighted

    def update(self, metric: Any, weights: Any) -> None:
        """Update a metric; `weights` are the weights of the examples, if it uses them."""
        targets = self._targets_of(metric)
        kept = self.kept(masked=not _applies_masks(metric))
        if weights is not None:
            rank = kept.shape.rank if kept is not None else self.step_rank
            weights = expanded(weights, rank)
            kept = weights if kept is None else weights * tf.cast(kept, weights.dtype)
        kept = None if kept is None else tf.cast(kept, _SMALLEST_PRECISION)
        outputs = self._outputs_of(metric)
        if isinstance(metric, _OF_ROWS):
            self._update_rows(metric, targets, outputs, kept)
            return
        if kept is None:
            metric.update_state(targets, outputs)
            return
        # With one class there is one unit in each step.
        if isinstance(metric, _BY_UNIT) and getattr(metric, "class_id", None) is None:
            kept = spread_over(kept, tf.shape(self._outputs))
        elif not _applies_masks(metric):
            kept = spread_over(kept, tf.shape(self._outputs)[: self.step_rank])
        metric.update_state(targets, outputs, sample_weight=kept)

    def _update_rows(self, metric: Any, targets: Any, outputs: Any, kept: Any) -> None:
        """Update a metric that expects one row of units for each value: steps and pixels become
        rows.
        """
        units = tf.shape(outputs)[-1]
        rows = [tf.reshape(one, [-1, units]) for one in (targets, outputs)]
        if kept is None:
            metric.update_state(*rows)
            return
        weights = spread_over(kept, tf.shape(self._outputs)[: self.step_rank])
        metric.update_state(*rows, sample_weight=tf.reshape(weights, [-1]))

    def _outputs_of(self, metric: Any) -> Any:
        """The outputs converted for a metric: most metrics compute with floats, even if outputs are
        integers, and TensorFlow computes top-k in float32 only.
        """
        dtype = self._outputs.dtype
        whole = dtype.is_integer or dtype.is_bool
        fractions = whole and not isinstance(metric, _OF_IDENTITIES)
        if fractions or isinstance(metric, _OF_RANKS):
            return _in(_SMALLEST_PRECISION, self._outputs)
        return self._outputs

    def _targets_of(self, metric: Any) -> Any:
        """The targets converted for a metric: 0 for -1 if the loss has the classes -1 and 1."""
        if isinstance(self._loss, _OF_SIGNS) and isinstance(metric, _OF_LABELS):
            return tf.where(
                tf.equal(self._targets, -1), tf.zeros_like(self._targets), self._targets
            )
        return self._targets


def loss_rank(loss: Any, targets: Any, outputs: Any) -> int:
    """The number of axes of an output's losses before they are averaged.

    The shape is (batch, ...) without the units for most losses, (batch,) for a loss of whole
    sequences (`CTC`), and a scalar if the loss is already one number (`Dice`). TensorFlow prunes
    the computations that are used only for this.
    """
    if not isinstance(loss, keras.losses.Loss):
        return max(1, int(outputs.shape.rank) - 1)
    given = [keras.ops.convert_to_tensor(one, dtype=loss.dtype) for one in (targets, outputs)]
    rank: int = loss.call(*given).shape.rank
    return rank


def expanded(weights: Any, rank: int) -> Any:
    """Weights with axes of size 1 appended, up to `rank` axes."""
    weights = tf.convert_to_tensor(weights)
    missing = rank - weights.shape.rank
    if missing <= 0:
        return weights
    return tf.reshape(weights, tf.concat([tf.shape(weights), [1] * missing], 0))


def spread_over(weights: Any, shape: Any) -> Any:
    """Weights of examples or steps for every value of the shape."""
    return tf.broadcast_to(expanded(weights, int(shape.shape[0])), shape)


def _at_least_single(outputs: Any) -> Any:
    """Predictions in at least float32, with their mask."""
    half = outputs.dtype in (tf.float16, tf.bfloat16)
    return _in(_SMALLEST_PRECISION, outputs) if half else outputs


def _in(dtype: str, outputs: Any) -> Any:
    """Predictions in the given dtype, with their mask."""
    cast = tf.cast(outputs, dtype)
    mask = getattr(outputs, "_keras_mask", None)
    if mask is not None:
        cast._keras_mask = mask
    return cast


def _applies_masks(metric: Any) -> bool:
    """Whether Keras ignores masked steps in it."""
    return isinstance(metric, keras.metrics.MeanMetricWrapper)


_BY_UNIT = (
    keras.metrics.AUC,
    keras.metrics.BinaryIoU,
    keras.metrics.FalseNegatives,
    keras.metrics.FalsePositives,
    keras.metrics.Precision,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.Recall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.TrueNegatives,
    keras.metrics.TruePositives,
)
"""Metrics that count units: each unit has its own weight."""
_OF_LABELS = (
    *_BY_UNIT,
    keras.metrics.BinaryAccuracy,
    keras.metrics.F1Score,
    keras.metrics.FBetaScore,
)
"""Metrics whose targets are 0 and 1."""
_OF_ROWS = (keras.metrics.F1Score, keras.metrics.FBetaScore, keras.metrics.R2Score)
"""Metrics that Keras computes only for outputs (batch, units)."""
_OF_RANKS = (
    keras.metrics.SparseTopKCategoricalAccuracy,
    keras.metrics.TopKCategoricalAccuracy,
)
_OF_IDENTITIES = (
    keras.metrics.Accuracy,
    keras.metrics.IoU,
    keras.metrics.MeanIoU,
)
"""Metrics that compare integers, which float32 cannot represent exactly."""
_OF_SIGNS = (keras.losses.Hinge, keras.losses.SquaredHinge)
"""Losses whose targets are -1 and 1; they accept 0 and 1 as well."""
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
_BY_WEIGHTS = "mean_with_sample_weight"

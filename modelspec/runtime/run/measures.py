"""The loss and the metrics of a batch: which values count, how much, and in which precision.

Keras decides the total loss. Around it this module puts right what Keras leaves to chance:

- A weight belongs to its example, whatever the rank of the output: a weight (batch,) of losses
  (batch, steps) becomes (batch, 1). Keras would broadcast it along the steps.
- The parts of the loss of several outputs count examples. Keras counts batches, so that a short
  last batch counts as much as a whole one.
- Masked steps, and targets that the loss ignores (`ignore_class`), have weight 0 in every metric.
  Keras applies masks in metrics that are means, and `ignore_class` in none.
- Metrics compute in float32 at least, also where the model computes in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_SMALLEST_PRECISION = "float32"


class Measures:
    """Computes the loss of a compiled model and updates its metrics, batch by batch."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._examples: Any = None
        """How many examples the batch at hand has."""
        self._counts_examples = False

    def loss(self, inputs: Any, targets: Any, outputs: Any, weights: Any, *, training: bool) -> Any:
        """The total loss, a scalar; the means of the loss and of its parts are updated."""
        model = self._model
        self._examples = batch_size(inputs)
        self._count_examples_in_parts(targets, outputs)
        loss = model.compute_loss(
            x=inputs,
            y=targets,
            y_pred=outputs,
            sample_weight=self._per_value(targets, outputs, weights),
            training=training,
        )
        loss_tracker(model).update_state(loss, sample_weight=self._examples)
        return loss

    def update_metrics(self, targets: Any, outputs: Any, weights: Any) -> None:
        """Update every metric of the model with a batch."""
        for output in self._measured(targets, outputs, weights):
            for metric in output.plain:
                output.update(metric, None)
            for metric in output.weighted:
                output.update(metric, output.weights)

    # Parts of the loss ----------------------------------------------------------------------------

    def _count_examples_in_parts(self, targets: Any, outputs: Any) -> None:
        """Have the mean of each output's loss weigh a batch by its examples.

        Keras gives these means the static batch size, which is unknown, so that they count batches.
        """
        compiled = self._model._compile_loss  # no public way leads to the parts
        if compiled is None or self._counts_examples:
            return
        if not compiled.built:
            compiled.build(targets, outputs)
        for part in compiled.metrics:
            part.update_state = self._by_examples(part)
        self._counts_examples = True

    def _by_examples(self, part: Any) -> Any:
        mean = type(part).update_state

        def update_state(value: Any, sample_weight: Any = None) -> Any:
            return mean(part, value, sample_weight=self._examples)

        return update_state

    # Weights --------------------------------------------------------------------------------------

    def _per_value(self, targets: Any, outputs: Any, weights: Any) -> Any:
        """The weights of the examples, with axes of size 1 for every further axis of the losses."""
        if weights is None:
            return None
        losses = self._model.loss
        if isinstance(outputs, dict) and isinstance(weights, dict):
            by_output = losses if isinstance(losses, dict) else dict.fromkeys(outputs, losses)
            return {
                name: expanded(weight, loss_rank(by_output[name], targets[name], outputs[name]))
                for name, weight in weights.items()
            }
        if isinstance(outputs, dict) or keras.tree.is_nested(weights):
            return weights
        return expanded(weights, loss_rank(losses, targets, outputs))

    def _measured(self, targets: Any, outputs: Any, weights: Any) -> Iterator[MeasuredOutput]:
        """Every output that has metrics."""
        compiled = self._model._compile_metrics  # as above: Keras's own loop takes no masks
        if compiled is None:
            return
        if not compiled.built:
            compiled.build(targets, outputs)
        several = isinstance(outputs, dict)
        # In the order of Keras's own lists.
        names = compiled._flatten_y({name: name for name in outputs}) if several else [None]
        flat = zip(
            names,
            compiled._flat_metrics,
            compiled._flat_weighted_metrics,
            strict=True,
        )
        for name, plain, weighted in flat:
            yield MeasuredOutput(
                _of(targets, name),
                _of(outputs, name),
                _of(weights, name),
                _of(self._model.loss, name),
                tuple(plain.metrics) if plain else (),
                tuple(weighted.metrics) if weighted else (),
            )


class MeasuredOutput:
    """One output of a batch as its metrics take it."""

    def __init__(
        self,
        targets: Any,
        outputs: Any,
        weights: Any,
        loss: Any,
        plain: tuple[Any, ...],
        weighted: tuple[Any, ...],
    ) -> None:
        self.weights = weights
        self.plain, self.weighted = plain, weighted
        self._mask = getattr(outputs, "_keras_mask", None)
        self._ignored = getattr(loss, "ignore_class", None)
        self._outputs = _at_least_single(outputs)
        self._targets = targets
        if self._ignored is not None:
            classes = targets[..., 0] if targets.shape.rank == outputs.shape.rank else targets
            self._counted = tf.not_equal(classes, tf.cast(self._ignored, classes.dtype))
            # Any class of the layer, so that no metric meets a number that is none.
            self._targets = tf.where(
                tf.equal(targets, tf.cast(self._ignored, targets.dtype)),
                tf.zeros_like(targets),
                targets,
            )

    def update(self, metric: Any, weights: Any) -> None:
        """Update a metric; `weights` are those of the examples, where it takes them."""
        masked = self._mask is not None and not _applies_masks(metric)
        kept = self._kept(masked=masked)
        if weights is not None:
            rank = kept.shape.rank if kept is not None else self._step_rank
            weights = expanded(weights, rank)
            kept = weights if kept is None else weights * tf.cast(kept, weights.dtype)
        if kept is None:
            metric.update_state(self._targets, self._outputs)
            return
        kept = tf.cast(kept, _SMALLEST_PRECISION)
        if isinstance(metric, _BY_UNIT):
            kept = self._spread(kept, tf.shape(self._outputs))
        elif not _applies_masks(metric):
            kept = self._spread(kept, tf.shape(self._outputs)[: self._step_rank])
        metric.update_state(self._targets, self._outputs, sample_weight=kept)

    @property
    def _step_rank(self) -> int:
        """The axes of the output before that of its units."""
        rank: int = self._outputs.shape.rank
        return max(1, rank - 1)

    def _kept(self, *, masked: bool) -> Any:
        """1 where a value counts, 0 where it is padding or ignored; None where all count."""
        found = [self._counted] if self._ignored is not None else []
        if masked:
            found.append(self._mask)
        if not found:
            return None
        kept = tf.cast(found[0], _SMALLEST_PRECISION)
        for one in found[1:]:
            kept = kept * tf.cast(one, _SMALLEST_PRECISION)
        return kept

    def _spread(self, weights: Any, shape: Any) -> Any:
        """Weights of examples or steps for every value of the shape."""
        return tf.broadcast_to(expanded(weights, int(shape.shape[0])), shape)


def loss_tracker(model: keras.Model) -> Any:
    """The metric that keeps the mean loss: the first one of a compiled model, named `loss`."""
    return next(metric for metric in model.metrics if metric.name == "loss")


def batch_size(inputs: Any) -> Any:
    """How many examples a batch has, as a tensor."""
    return tf.shape(next(one for one in keras.tree.flatten(inputs) if one is not None))[0]


def loss_rank(loss: Any, targets: Any, outputs: Any) -> int:
    """How many axes the losses of an output have before they are averaged.

    It is (batch, ...) without the units for most losses, (batch,) for a loss of whole sequences
    (`CTC`), and no axis where the loss is one number already (`Dice`). TensorFlow drops what is
    computed for this alone.
    """
    if not isinstance(loss, keras.losses.Loss):
        return max(1, int(outputs.shape.rank) - 1)
    given = [keras.ops.convert_to_tensor(one, dtype=loss.dtype) for one in (targets, outputs)]
    rank: int = loss.call(*given).shape.rank
    return rank


def expanded(weights: Any, rank: int) -> Any:
    """Weights with axes of size 1 at their end, up to `rank` axes."""
    weights = tf.convert_to_tensor(weights)
    missing = rank - weights.shape.rank
    if missing <= 0:
        return weights
    return tf.reshape(weights, tf.concat([tf.shape(weights), [1] * missing], 0))


def _of(values: Any, name: str | None) -> Any:
    return values.get(name) if isinstance(values, dict) and name is not None else values


def _at_least_single(outputs: Any) -> Any:
    """Predictions in float32 at least, with their mask."""
    if outputs.dtype not in (tf.float16, tf.bfloat16):
        return outputs
    cast = tf.cast(outputs, _SMALLEST_PRECISION)
    mask = getattr(outputs, "_keras_mask", None)
    if mask is not None:
        cast._keras_mask = mask
    return cast


def _applies_masks(metric: Any) -> bool:
    """Whether Keras gives steps that are masked no weight in it."""
    return isinstance(metric, keras.metrics.MeanMetricWrapper)


_BY_UNIT = (
    keras.metrics.AUC,
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
"""Metrics of counts (true and false positives and negatives): they weigh every unit on its own."""

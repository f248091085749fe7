"""The loss and the metrics of a batch: which values count, how much, and in which precision.

Keras computes the total loss. This module corrects the following:

- A weight belongs to its example, whatever the rank of the output: a weight (batch,) for losses
  (batch, steps) becomes (batch, 1). Keras would broadcast it along the steps.
- The partial losses of several outputs count examples. Keras counts batches, so that a short
  last batch counts as much as a whole one.
- With masks or ignored classes the loss of an epoch is the mean over all values that count. Keras
  averages the means of batches, which depends on how the values are split into batches.
- A metric whose targets are 0 and 1 gets 0 for -1 beside a loss whose targets are -1 and 1.
- Masked steps, and targets that the loss ignores (`ignore_class`), have weight 0 in every metric.
  Keras applies masks in metrics that are means, and `ignore_class` in none.
- Metrics compute in at least float32, even if the model computes in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import keras
import tensorflow as tf

from modelspec.catalog.components import METRICS, weighted_name

from ..backend.attached_objective import attached, has_players
from ..backend.inner_names import spec_name
from ..backend.objective import split_targets
from ..backend.traced import traced
from .measured_output import ComparedOutput, MeasuredOutput, expanded, loss_rank


class Measures:
    """Computes the loss of a compiled model and updates its metrics, batch by batch."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        _add_in_single_precision(model)
        self._attached = attached(model)
        self._added: dict[str, Any] = {}
        """By term of the objective: its value on the current batch."""
        self._examples: Any = None
        """The number of examples in the current batch."""
        self._compared: dict[str | None, ComparedOutput] = {}
        """The outputs of the current batch that have a loss; the key is None if there
        is only one.
        """
        self._parts: dict[str, Any] = {}
        """By output, if there are several: the metric for the mean of its loss."""
        self._losses: dict[str, Any] = {}
        """By output, if there are several: its loss on the current batch."""
        self._weights: dict[str | None, Any] = {}
        """The weight of each output's loss among batches, if it is not the number of examples."""

    def make_variables(self, targets: Any, weights: Any) -> None:
        """Make the metrics create their variables for batches of these types.

        TensorFlow traces a function again if the first call created variables: tracing only the
        metrics is faster than tracing a whole step.
        """
        if self._attached is not None:
            targets = split_targets(targets, output_names(self._model)).own
        compiled = self._model._compile_metrics  # Keras creates these for its first batch
        if compiled is None or compiled.built:
            return
        # Outputs by name have no public access; a `Sequential` has one output.
        made = getattr(self._model, "_outputs_struct", None)
        made = self._model.outputs[0] if made is None else made
        outputs = keras.tree.map_structure(
            lambda output: tf.TensorSpec(output.shape, output.dtype), made
        )

        def update(targets: Any, outputs: Any, weights: Any) -> None:
            self._follow_parts(targets, outputs)
            self.update_metrics(targets, outputs, weights)

        traced(update).get_concrete_function(targets, outputs, weights)

    def loss(self, inputs: Any, targets: Any, outputs: Any, weights: Any, *, training: bool) -> Any:
        """The total loss, a scalar; the means of the loss and of its parts are updated."""
        model = self._model
        self._examples = batch_size(inputs)
        self._follow_parts(targets, outputs)
        self._compare(targets, outputs, weights)
        before = self._weighted_parts() if self._parts and self._weights else None
        loss = self._of_outputs(inputs, targets, outputs, weights, training)
        more = self._of_terms(training)
        if loss.shape.rank:  # `reduction: none`: the gradient is the gradient of the sum
            mean = tf.reduce_mean(loss) + more
            loss_tracker(model).update_state(mean, sample_weight=self._examples)
            return tf.reduce_sum(loss) + more
        loss = loss if self._attached is None else loss + tf.cast(more, loss.dtype)
        if before is not None:
            self._update_total(loss, before)
        else:
            weight = self._weights.get(None, self._examples)
            loss_tracker(model).update_state(loss, sample_weight=weight)
        return loss

    def forward(self, inputs: Any, targets: Any, *, training: bool) -> tuple[Any, Any]:
        """The outputs of the model and the targets that they are compared with; the terms of the
        objective are computed in the same pass.
        """
        if self._attached is None:
            return self._model(inputs, training=training), targets
        taps, objective, _ = self._attached
        given = split_targets(targets, output_names(self._model))
        with ExitStack() as outside:
            found = taps.run(inputs, training=training, outside=outside)
            self._added = objective.values(found, given.by_name, given.weights, training=training)
        return found.outputs, given.own

    def _of_outputs(
        self, inputs: Any, targets: Any, outputs: Any, weights: Any, training: bool
    ) -> Any:
        """The losses of the outputs, and of the layers."""
        model = self._model
        if model.loss is None and self._attached is not None:
            added = [model._aggregate_additional_loss(one) for one in model.losses]
            return tf.add_n(added) if added else tf.zeros(())
        return model.compute_loss(
            x=inputs,
            y=targets,
            y_pred=outputs,
            sample_weight=self._per_value(targets, outputs, weights),
            training=training,
        )

    def _of_terms(self, training: bool) -> Any:
        """The weighted sum of the terms; the mean of each is updated."""
        if self._attached is None:
            return 0.0
        taps, objective, _ = self._attached
        objective.measure(self._added, self._examples, taps)
        return objective.total(self._added, training=training)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of `counts`, in its order."""
        names = self._model.output_names
        return tuple(spec_name(names[0]) if name is None else name for name in self._compared)

    @property
    def counts(self) -> Any:
        """For each output with a loss: the number of values in the batch, and of those that count;
        float64 of shape (outputs, 2).
        """
        if not self._compared:
            return tf.zeros([0, 2], "float64")
        return tf.stack([one.counts for one in self._compared.values()])

    def update_metrics(self, targets: Any, outputs: Any, weights: Any) -> None:
        """Update every metric of the model with a batch."""
        for output in self._measured(targets, outputs, weights):
            for metric in output.plain:
                output.update(metric, None)
            for metric in output.weighted:
                output.update(metric, output.weights)

    # Means over batches ---------------------------------------------------------------------------

    def _compare(self, targets: Any, outputs: Any, weights: Any) -> None:
        losses = self._model.loss
        if isinstance(outputs, dict):
            by_output = losses if isinstance(losses, dict) else dict.fromkeys(outputs, losses)
            names: list[str | None] = [name for name in outputs if by_output.get(name) is not None]
        else:
            names = [] if losses is None else [None]
        self._compared = {
            name: ComparedOutput(_of(targets, name), _of(outputs, name), _of(losses, name))
            for name in names
        }
        found = {
            name: one.weight_among_batches(_of(weights, name))
            for name, one in self._compared.items()
        }
        self._weights = {name: weight for name, weight in found.items() if weight is not None}

    def _follow_parts(self, targets: Any, outputs: Any) -> None:
        """Weight each batch in the mean of each output's loss by the values that count in it.

        Keras passes the static batch size to these means; it is unknown, so they count batches.
        """
        compiled = self._model._compile_loss  # the partial losses have no public access
        if compiled is None or self._parts:
            return
        if not compiled.built:
            # Outside the graph: the name of an output may be invalid in a TensorFlow graph.
            with tf.init_scope():
                compiled.build(targets, outputs)
        for (path, *_), part in zip(compiled._flat_losses, compiled.metrics, strict=False):
            self._parts[path[0]] = part
            part.update_state = self._by_values(part, path[0])

    def _by_values(self, part: Any, name: str) -> Any:
        mean = type(part).update_state

        def update_state(value: Any, sample_weight: Any = None) -> Any:
            self._losses[name] = value
            return mean(part, value, sample_weight=self._weights.get(name, self._examples))

        return update_state

    def _weighted_parts(self) -> Any:
        """The sum of the mean losses of all outputs so far, each times its weight."""
        return self._summed({name: part.result() for name, part in self._parts.items()})

    def _summed(self, losses: dict[str, Any]) -> Any:
        weights = {
            path[0]: 1.0 if weight is None else weight
            for path, _, weight, _ in self._model._compile_loss._flat_losses
        }
        return sum(losses[name] * weights[name] for name in losses)

    def _update_total(self, loss: Any, before: Any) -> None:
        """The mean total loss if outputs count different numbers of values: the sum of their means,
        plus the mean over examples of the added losses (regularizers).

        The tracker contains the number of examples, and the mean times that number.
        """
        tracker = loss_tracker(self._model)
        earlier = tracker.count.value
        added = tf.math.divide_no_nan(tracker.total.value, earlier) - before
        examples = tf.cast(self._examples, earlier.dtype)
        whole = earlier + examples
        added = (added * earlier + (loss - self._summed(self._losses)) * examples) / whole
        tracker.count.assign(whole)
        tracker.total.assign(whole * (self._weighted_parts() + added))

    # Weights --------------------------------------------------------------------------------------

    def _per_value(self, targets: Any, outputs: Any, weights: Any) -> Any:
        """The weights of the examples, with an axis of size 1 for every further axis of
        the losses.
        """
        if weights is None:
            return None
        losses = self._model.loss
        if isinstance(outputs, dict) and isinstance(weights, dict):
            by_output = losses if isinstance(losses, dict) else dict.fromkeys(outputs, losses)
            return {  # an output without a loss is weighted only in metrics
                name: expanded(weight, loss_rank(by_output[name], targets[name], outputs[name]))
                for name, weight in weights.items()
                if name in by_output
            }
        if isinstance(outputs, dict) or keras.tree.is_nested(weights):
            return weights
        return expanded(weights, loss_rank(losses, targets, outputs))

    def _measured(self, targets: Any, outputs: Any, weights: Any) -> Iterator[MeasuredOutput]:
        """Every output that has metrics."""
        compiled = self._model._compile_metrics  # as above: Keras's own loop does not apply masks
        if compiled is None:
            return
        if not compiled.built:
            compiled.build(targets, outputs)
            _name_weighted(compiled)
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


def output_names(model: keras.Model) -> list[str]:
    """The outputs by their names in the spec."""
    if isinstance(model.output, dict):
        return list(model.output)
    return [spec_name(name) for name in model.output_names]


def loss_tracker(model: keras.Model) -> Any:
    """The metric that keeps the mean loss: the first one of a compiled model, named `loss`."""
    return next(metric for metric in model.metrics if metric.name == "loss")


def batch_size(inputs: Any) -> Any:
    """The number of examples in a batch, as a tensor."""
    return tf.shape(next(one for one in keras.tree.flatten(inputs) if one is not None))[0]


def results(model: keras.Model) -> dict[str, Any]:
    """The current value of every metric by its logged name, in names of the spec; each is one
    number.

    A metric with a value for each class or threshold is logged once for each: `f1_score_0`.
    """
    found = {}
    several = has_players(model)  # the sum of their losses has no meaning
    for inner, value in model.get_metrics_result().items():
        name = spec_name(inner)
        if several and name == "loss":
            continue
        if not value.shape.rank:
            found[name] = value
            continue
        numbers = tf.unstack(tf.reshape(value, [-1]))
        found |= {
            name if len(numbers) == 1 else f"{name}_{at}": one for at, one in enumerate(numbers)
        }
    return found


def _add_in_single_precision(model: keras.Model) -> None:
    """Make Keras add the regularization of layers in half precision to a loss in float32: it cannot
    add two dtypes.
    """
    aggregate = type(model)._aggregate_additional_loss

    def aggregated(added: Any) -> Any:
        return aggregate(model, keras.ops.cast(added, keras.config.floatx()))

    model._aggregate_additional_loss = aggregated


def _name_weighted(compiled: Any) -> None:
    """Call `accuracy` of `weighted_metrics` `weighted_accuracy`: Keras does so only if another one
    exists. Metrics that are not strings have their names from the spec.
    """
    for weighted in compiled._flat_weighted_metrics:
        for metric in weighted.metrics if weighted else ():
            if metric.name.lower() in METRICS.by_shape:
                metric.name = weighted_name(metric.name)


def _of(values: Any, name: str | None) -> Any:
    return values.get(name) if isinstance(values, dict) and name is not None else values

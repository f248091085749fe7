"""The loss and the metrics of a batch whose examples are on several replicas.

A replica computes what its examples contribute to the loss of the global batch: the sum over the
replicas is what one process computes.

    a mean over examples   local mean * local denominator / denominator of the global batch
    a sum                  local sum
    regularization         1 / replicas on each
    what mixes examples    computed on the outputs of the global batch by each replica, / replicas

Denominators count examples, unmasked values, or weights, as the loss does. Metrics are sums over
examples: a replica counts its own, and `local_state.py` adds the counts. A metric that may be
anything else, of a plugin, gets the outputs of the global batch on every replica.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from ..backend.objective import Pass, split_targets
from ..run.measured_output import MeasuredOutput, loss_rank
from ..run.measures import Measures, loss_tracker, output_names
from .supported import require_for_each_example
from .terms import Gathered, is_gathered, shifted

if TYPE_CHECKING:
    from .replicas import Part, Replica

_SUMS = ("sum",)
_VECTORS = (None, "none")
Contributions = dict[str, Any]


class ReplicaMeasures(Measures):
    """Computes the contributions of one replica, and counts their sums."""

    def __init__(self, model: keras.Model, replica: Replica) -> None:
        super().__init__(model)
        self._replica = replica
        self._found: Contributions = {}
        """What this replica contributes to the loss, its outputs and its terms."""
        self._gathered: dict[int, Any] = {}
        """By tensor: that of the global batch, so that each is gathered once."""

    @property
    def _part(self) -> Part:
        part = self._replica.part
        assert part is not None
        return part

    def forward(self, inputs: Any, targets: Any, *, training: bool) -> tuple[Any, Any]:
        """As on one replica; the terms are contributions to those of the global batch."""
        self.begin_pass()
        if self._attached is None:
            return self._model(inputs, training=training), targets
        taps, objective, _ = self._attached
        given = split_targets(targets, output_names(self._model))
        with ExitStack() as outside:
            found = taps.run(inputs, training=training, outside=outside)
            self._added = self.terms_of(objective, found, given, training=training)
        return found.outputs, given.own

    def begin_pass(self) -> None:
        """Called before a forward pass."""
        self._gathered = {}

    def terms_of(
        self, objective: Any, found: Pass, given: Any, *, training: bool, only: Any = None
    ) -> dict[str, Any]:
        """By term: the contribution of this replica. A term is computed over the global batch,
        unless it contains gradients, which exist only for the examples of each replica.
        """
        chosen = [one for one in objective.terms if only is None or one.name in only]
        whole = [one.name for one in chosen if is_gathered(one)]
        own = [one.name for one in chosen if not is_gathered(one)]
        values: dict[str, Any] = {}
        if whole:
            seen = Gathered(self.gather, found, given)
            values |= objective.values(
                seen.found, seen.by_name, seen.weights, training=training, only=whole
            )
            values = {name: value / self._replica.total for name, value in values.items()}
        if own:
            self._require_divided(objective, found, given, own)
            with shifted(objective, self._replica.number, training=training):
                local = objective.values(
                    found, given.by_name, given.weights, training=training, only=own
                )
            values |= {name: one * self._part.share(one.dtype) for name, one in local.items()}
        return values

    @staticmethod
    def _require_divided(objective: Any, found: Pass, given: Any, names: list[str]) -> None:
        """Raises `RunError` (MS932) for a term that cannot be divided among the replicas."""
        for one in objective.terms:
            if one.name in names:
                type_ = objective.type_of(one, found, given.by_name)
                divided = type_.per_example and not type_.mixes_examples
                require_for_each_example(one, divided=divided)

    def gather(self, tensor: Any) -> Any:
        """A tensor of the global batch, with its mask."""
        if id(tensor) not in self._gathered:
            whole = self._replica.gather(tensor, self._part)
            mask = getattr(tensor, "_keras_mask", None)
            if mask is not None:
                whole._keras_mask = self._replica.gather(mask, self._part)
            self._gathered[id(tensor)] = whole, tensor  # kept, so that no other has its id
        return self._gathered[id(tensor)][0]

    # The loss -------------------------------------------------------------------------------------

    def loss(self, inputs: Any, targets: Any, outputs: Any, weights: Any, *, training: bool) -> Any:
        """What this replica contributes to the total loss, a scalar. `contributions` are to be
        summed, and `count` counts the sums.
        """
        self._examples = self._part.examples
        self._follow_parts(targets, outputs)
        self._compare(targets, outputs, weights)
        local = self._count_weights()
        self._found = {}
        total: Any = tf.zeros((), keras.config.floatx())
        for name, value, weight in self._values(targets, outputs, weights, local):
            self._found[f"output/{name or ''}"] = value
            total = tf.cast(total, value.dtype) + (value if weight is None else value * weight)
        total = total + tf.cast(self._from_layers(), total.dtype)
        if self._attached is not None:
            taps, objective, _ = self._attached
            for name, value in self._added.items():
                self._found[f"term/{name}"] = value
            for one in getattr(objective, "players", ()):
                value = self.loss_of(objective, one, self._added, taps, training=training)
                self._found[f"player/{one.name}"] = value
            more = objective.total(self._added, training=training)
            total = total + tf.cast(more, total.dtype)
        self._found["loss"] = total
        return total

    @property
    def contributions(self) -> Contributions:
        """By name: what the sums of `count` are made of."""
        return self._found

    def count(self, sums: Mapping[str, Any]) -> None:
        """Update the means of the loss, its parts and its terms, by the sums over the replicas."""
        loss = sums["loss"]
        before = self._weighted_parts() if self._parts and self._weights else None
        for name, part in self._parts.items():
            value = sums[f"output/{name}"]
            self._losses[name] = value
            weight = self._weights.get(name, self._examples)
            type(part).update_state(part, value, sample_weight=weight)
        if "mean" in sums:
            mean = sums["mean"] / sums["values"] + loss - sums["output/"]
            loss_tracker(self._model).update_state(mean, sample_weight=self._examples)
        elif before is not None:
            self._update_total(loss, before)
        else:
            weight = self._weights.get(None, self._examples)
            loss_tracker(self._model).update_state(loss, sample_weight=weight)
        if self._attached is not None:
            values = {name: sums[f"term/{name}"] for name in self._added}
            objective: Any = self._attached.objective
            objective.update_means(values, self._examples)
            for one in getattr(objective, "players", ()):
                value = sums[f"player/{one.name}"]
                objective.losses[one.name].update_state(value, sample_weight=self._examples)

    def _count_weights(self) -> dict[str | None, Any]:
        """Puts the weights of the global batch in place of those of this replica, which are
        returned.
        """
        has = self._part.has
        local = {name: one * has(one.dtype) for name, one in self._weights.items()}
        self._weights = dict(zip(local, self._replica.sum(list(local.values())), strict=True))
        return local

    def _values(
        self, targets: Any, outputs: Any, weights: Any, local: Mapping[str | None, Any]
    ) -> Iterator[tuple[str | None, Any, Any]]:
        """By output with a loss: its name, its contribution, and its weight in the loss."""
        compiled = self._model._compile_loss  # as in `_follow_parts`
        if compiled is None:
            return
        given = self._per_value(targets, outputs, weights)
        for path, loss, weight, _ in compiled._flat_losses:
            name = path[0] if path and isinstance(outputs, dict) else None
            one = [_at(values, name) for values in (targets, outputs, given)]
            yield name, tf.cast(self._value(name, loss, one, local), compiled.dtype), weight

    def _value(
        self, name: str | None, loss: Any, given: list[Any], local: Mapping[str | None, Any]
    ) -> Any:
        if may_mix_examples(loss, *given[:2]):
            whole = [None if one is None else self.gather(one) for one in given]
            return tf.reduce_sum(loss(*whole)) / self._replica.total
        value = loss(*given)
        reduction = getattr(loss, "reduction", None)
        if reduction in _VECTORS:  # the gradient is that of the sum
            value = value * self._part.has(value.dtype)
            self._found["mean"] = tf.reduce_sum(value)
            self._found["values"] = tf.cast(tf.size(value), value.dtype) * self._part.has(
                value.dtype
            )
            return tf.reduce_sum(value)
        if reduction in _SUMS:
            return value * self._part.has(value.dtype)
        if name in local:
            own, every = (tf.cast(one[name], value.dtype) for one in (local, self._weights))
            return value * tf.math.divide_no_nan(own, every)
        return value * self._part.share(value.dtype)

    def _from_layers(self) -> Any:
        """The contribution of the losses that layers add: those of a batch, which are means over
        its examples, and those of weights.
        """
        return self.added(self._model.losses, len(self._model._get_regularization_losses()))

    def loss_of(
        self, objective: Any, player: Any, values: Mapping[str, Any], taps: Any, *, training: bool
    ) -> Any:
        """The contribution to the loss of a player: its terms, and the layers that it trains."""
        own = {name: value for name, value in values.items() if name in player.terms}
        total = objective.total(own, training=training)
        for layer in objective.layers_of(player, taps):
            added = self.added(layer.losses, len(layer._get_regularization_losses()))
            total += tf.cast(added, total.dtype)
        return total

    def added(self, losses: list[Any], of_weights: int) -> Any:
        """The contribution of losses of layers; the last ones are `of_weights`."""
        first = len(losses) - of_weights
        parts = [one * self._part.share(one.dtype) for one in losses[:first]]
        parts += [one / self._replica.total for one in losses[first:]]
        total = tf.zeros((), keras.config.floatx())
        for one in parts:
            total += tf.cast(self._model._aggregate_additional_loss(one), total.dtype)
        return total

    # Metrics --------------------------------------------------------------------------------------

    @property
    def counts(self) -> Any:
        """As on one replica; of the examples that count."""
        return super().counts * self._part.has("float64")

    def counted_here(self) -> list[Any]:
        """The variables of the metrics that count the examples of this replica only."""
        metrics = [one for one in _compiled_metrics(self._model) if adds_up(one)]
        return list({id(v): v for one in metrics for v in one.variables}.values())

    def update_metrics(self, targets: Any, outputs: Any, weights: Any) -> None:
        """Update every metric: with the examples of this replica, or with those of the global
        batch.
        """
        if self._replica.part is None:  # the variables are being made
            super().update_metrics(targets, outputs, weights)
            return
        for output in self._measured(targets, outputs, weights):
            every = [(one, None) for one in output.plain]
            every += [(one, output.weights) for one in output.weighted]
            others = [one for one in every if not adds_up(one[0])]
            for metric, given in every:
                if adds_up(metric):
                    output.update(metric, given)
            if others:
                whole = self._whole(output)
                for metric, given in others:
                    whole.update(metric, None if given is None else whole.weights)

    def _whole(self, output: MeasuredOutput) -> MeasuredOutput:
        """An output with its targets and weights for the global batch."""
        targets, outputs, weights, loss = output.given
        return MeasuredOutput(
            self.gather(targets),
            self.gather(outputs),
            None if weights is None else self.gather(weights),
            loss,
            (),
            (),
        )


def may_mix_examples(loss: Any, targets: Any, outputs: Any) -> bool:
    """Whether the loss of an example may depend on the other examples of its batch: for a loss that
    is one number for the batch, and for any loss of a plugin.
    """
    if not type(loss).__module__.startswith(("keras.", "modelspec.")):
        return True
    return bool(loss_rank(loss, targets, outputs) == 0)


def adds_up(metric: Any) -> bool:
    """Whether the state of a metric is a sum over examples."""
    if not type(metric).__module__.startswith(("keras.", "modelspec.")):
        return False
    return bool(getattr(metric, "_fn_kwargs", {}).get("axis", -1) != 0)


def _compiled_metrics(model: keras.Model) -> Iterator[Any]:
    compiled = model._compile_metrics
    if compiled is None:
        return
    for one in (*compiled._flat_metrics, *compiled._flat_weighted_metrics):
        yield from one.metrics if one is not None else ()


def _at(values: Any, name: str | None) -> Any:
    return values.get(name) if isinstance(values, Mapping) and name is not None else values

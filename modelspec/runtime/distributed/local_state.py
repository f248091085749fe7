"""What changes in a step on one replica only, and becomes the same on all of them at its end.

metrics      count from zero in the step; the sum is added to the counts before it
statistics   of layers, e.g. of batch normalization: the mean of their changes is added
seeds        are shifted by the number of the replica during the forward pass
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from ..backend.attached_objective import attached
from .terms import shift

if TYPE_CHECKING:
    from .replicas import Part, Replica


class LocalState:
    """The local variables of a replica."""

    def __init__(self, replica: Replica, metrics: Sequence[Any], *, training: bool) -> None:
        self._number, self._total = replica.number, replica.total
        self._metrics = list(metrics)
        self._statistics = _statistics(replica.model) if training else []
        self._before: list[Any] = []

    def begin(self) -> None:
        """Called before the forward pass of a step."""
        self._before = [tf.identity(one.value) for one in (*self._metrics, *self._statistics)]
        for one in self._metrics:
            one.assign(tf.zeros_like(one.value))

    def changes(self, part: Part) -> list[Any]:
        """What is to be summed over the replicas, after the metrics were updated."""
        counted = [
            tf.where(part.counted > 0, one.value, tf.zeros_like(one.value)) for one in self._metrics
        ]
        having = tf.minimum(tf.cast(part.examples, "int32"), self._total)
        moved = []
        for one, before in zip(self._statistics, self._before[len(self._metrics) :], strict=True):
            change = (one.value - before) / tf.cast(having, before.dtype)
            moved.append(tf.where(part.counted > 0, change, tf.zeros_like(change)))
        return [*counted, *moved]

    def end(self, sums: Sequence[Any]) -> None:
        """Apply the sums of the changes."""
        every = (*self._metrics, *self._statistics)
        for variable, before, change in zip(every, self._before, sums, strict=True):
            variable.assign(before + change)
        self._before = []


def _statistics(model: keras.Model) -> list[Any]:
    """The variables that layers change themselves: not their weights, even if they are frozen."""
    found = {
        id(one): one
        for layer in model._flatten_layers()
        for one in layer._non_trainable_variables
        if keras.backend.is_float_dtype(one.dtype)
    }
    own = set(map(id, model.non_trainable_variables))
    return [one for key, one in found.items() if key in own]


@contextmanager
def shifted_seeds(model: keras.Model, number: int) -> Iterator[None]:
    """Inside this context, the layers of a replica draw other random numbers than those of the
    first replica, which draws those of a single process.
    """
    seeds = _seeds(model) if number else []
    for one in seeds:
        shift(one, number)
    yield
    for one in seeds:
        shift(one, -number)


def _seeds(model: keras.Model) -> list[Any]:
    found = attached(model)
    generator = set(map(id, found.objective.variables)) if found is not None else set()
    every = [*model.variables, *(found.variables if found is not None else ())]
    return [
        one
        for one in {id(one): one for one in every}.values()
        if one.dtype == "uint32" and tuple(one.shape) == (2,) and id(one) not in generator
    ]

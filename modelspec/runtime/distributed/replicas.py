"""The replicas of this process, and what they do together inside a TensorFlow graph.

Between two steps all replicas of a run have the same state: weights, optimizers, metrics and seeds.
In a step each computes its examples, and every sum over examples is added over the replicas before
it is used: so a replica divides, clips, applies and counts the same numbers as one process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..backend.attached_objective import attached
from ..data.errors import RunError
from ..data.shares import Share, part_of, slice_of, sliced
from .channel import Channel

_SUM = tf.distribute.ReduceOp.SUM


class Part(NamedTuple):
    """The examples that a replica computes in a step, as tensors."""

    batch: Any
    examples: Any
    """The number of examples of the global batch."""
    counted: Any
    """The number of those of the replica that count: 0, or all of them."""

    def has(self, dtype: Any) -> Any:
        """1 if its examples count, else 0."""
        return tf.cast(self.counted > 0, dtype)

    def share(self, dtype: Any) -> Any:
        """The share of the examples of the global batch."""
        return tf.cast(self.counted, dtype) / tf.cast(self.examples, dtype)


class Group:
    """The replicas of one process, and its connections to the other processes of the run."""

    def __init__(
        self,
        models: Sequence[keras.Model],
        devices: Sequence[str | None],
        strategy: Any = None,
        channel: Channel | None = None,
    ) -> None:
        processes, index = (channel.size, channel.index) if channel is not None else (1, 0)
        self.strategy, self.channel = strategy, channel
        self._failed: RunError | None = None
        """The error of a lost process, which TensorFlow replaces by its own."""
        self.share = Share(index * len(models), len(models), processes * len(models))
        self._alone = tf.distribute.get_replica_context()
        self.replicas = [
            Replica(self, self.share.first + number, model, device)
            for number, (model, device) in enumerate(zip(models, devices, strict=True))
        ]

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.share.first == 0

    @property
    def models(self) -> list[keras.Model]:
        """The models of this process."""
        return [one.model for one in self.replicas]

    def equalize(self) -> None:
        """Copy the state of the first replica of this process to the others: callbacks, checkpoints
        and averages of weights change only the first.
        """
        if len(self.replicas) > 1:
            self._copy()

    @cached_property
    def _copy(self) -> Any:
        """All variables exist when it is first called."""
        first, *others = (state_of(one.model) for one in self.replicas)
        pairs = [pair for other in others for pair in zip(first, other, strict=True)]

        def copy() -> None:
            for source, variable in pairs:
                variable.assign(source.value)

        return tf.function(copy, autograph=False)

    def run(self, step: Callable[[Replica, Part], Any], batch: Any, examples: Any) -> Any:
        """The result of a function for the first replica of this process. It is called for each
        replica with its part of the batch of this process; `examples` are those of the global
        batch.
        """

        def one(replica: Replica, context: Any = None) -> Any:
            start, end, counted = slice_of(self.share, examples, replica.number)
            own = batch if self.share.count == 1 else sliced(batch, start, end)
            part = Part(own, examples, counted)
            with replica.computing(part, context):
                return step(replica, part)

        if self.strategy is None:
            return one(self.replicas[0])

        def here() -> Any:
            context = tf.distribute.get_replica_context()
            number = tf.get_static_value(context.replica_id_in_sync_group)
            with self._alone:  # Keras would divide losses by the number of replicas
                return one(self.replicas[int(number)], context)

        found = self.strategy.run(here)
        return tf.nest.map_structure(
            lambda value: self.strategy.experimental_local_results(value)[0], found
        )

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Inside this context, a lost process is a `RunError`, not an error of TensorFlow's that
        contains its text.
        """
        try:
            yield
        except tf.errors.OpError:
            if self._failed is not None:
                raise self._failed from None
            raise

    def over_processes(self, tensors: Sequence[Any], how: Callable[..., Any]) -> list[Any]:
        """The result of a function of arrays, which uses the channel, as tensors of the same types
        and unknown shapes.
        """

        def compute(*arrays: Any) -> Any:
            try:
                return how([np.ascontiguousarray(one) for one in arrays])
            except RunError as error:
                self._failed = error
                raise

        found = tf.numpy_function(compute, list(tensors), [one.dtype for one in tensors])
        return list(found) if isinstance(found, (list, tuple)) else [found]


class Replica:
    """One model of the group, and its sums with the others. Its functions are called while a step
    is traced, by every replica in the same order.
    """

    def __init__(self, group: Group, number: int, model: keras.Model, device: str | None) -> None:
        self.group, self.number, self.model, self.device = group, number, model, device
        self.part: Part | None = None
        """Its part of the batch, while a step is traced."""
        self._context: Any = None
        """The context of the strategy, while a step is traced; None without a strategy."""
        self._last: list[Any] = []
        """The results of the last message to the other processes: the next one follows it."""

    @property
    def total(self) -> int:
        """The number of all replicas."""
        return self.group.share.total

    @contextmanager
    def computing(self, part: Part, context: Any) -> Iterator[None]:
        """A step with a part of its batch is traced inside this context."""
        self.part, self._context, self._last = part, context, []
        try:
            yield
        finally:
            self.part, self._context, self._last = None, None, []

    def sum(self, tensors: Sequence[Any]) -> list[Any]:
        """The sums of tensors over all replicas, in one message; constants for gradients."""
        if not tensors:
            return []
        packs = [_Pack(dtype, tensors) for dtype in dict.fromkeys(one.dtype for one in tensors)]
        summed = self._sum([one.flat for one in packs])
        found = {
            place: tensor
            for pack, flat in zip(packs, summed, strict=True)
            for place, tensor in pack.apart(flat)
        }
        return [tf.stop_gradient(found[place]) for place in range(len(tensors))]

    def sum_with_gradient(self, tensor: Any) -> Any:
        """The sum of a tensor over all replicas. Its gradient is that of the sum of the losses of
        all replicas.
        """

        def summed(x: Any) -> Any:
            return self.sum([x])[0], lambda upstream: self.sum([upstream])[0]

        return tf.custom_gradient(summed)(tensor)

    def gather(self, tensor: Any, part: Part) -> Any:
        """The examples of the global batch, of a tensor whose first axis is those of this replica.
        Its gradient is that of the sum of the losses of all replicas.
        """
        examples, counted = part.examples, part.counted

        def back(x: Any, upstream: Any) -> Any:
            whole = self.sum([tf.convert_to_tensor(upstream)])[0]
            start, size = part_of(examples, self.number, self.total)
            own = tf.cond(counted > 0, lambda: whole[start : start + size], lambda: 0 * whole[:1])
            return tf.reshape(own, tf.shape(x))

        def gathered(x: Any) -> Any:
            return self.concatenated(x[:counted]), lambda upstream: back(x, upstream)

        whole = (
            tf.custom_gradient(gathered)(tensor)
            if tensor.dtype.is_floating
            else self.concatenated(tensor[:counted])
        )
        whole.set_shape([None, *tensor.shape[1:]])
        return whole

    def concatenated(self, tensor: Any) -> Any:
        """Tensors concatenated over all replicas along their first axis, in order; a constant for
        gradients.
        """
        shape, dtype = tensor.shape, tensor.dtype
        found = tf.cast(tensor, tf.int32) if dtype == tf.bool else tensor
        if self._context is not None:
            [found] = self._merged([found], lambda parts: tf.concat(parts, 0))
        channel = self.group.channel
        if channel is not None:
            found = self._over_processes([found], lambda arrays: concatenated(channel, arrays))[0]
        found = tf.stop_gradient(tf.cast(found, dtype))
        found.set_shape([None, *shape[1:]])
        return found

    @contextmanager
    def with_strategy(self) -> Iterator[None]:
        """Inside this context, TensorFlow uses the strategy; else Keras sees one replica."""
        with self._context or nullcontext():
            yield

    def _sum(self, flats: list[Any]) -> list[Any]:
        if self._context is not None and "GPU" in (self.device or ""):
            with self.with_strategy():
                # One by one: TensorFlow would join tensors of different types.
                flats = [self._context.all_reduce(_SUM, one) for one in flats]
        elif self._context is not None:
            flats = self._merged(flats, tf.add_n)
        channel = self.group.channel
        if channel is not None:
            flats = self._over_processes(flats, channel.all_reduce)
        return flats

    def _merged(self, tensors: list[Any], merge: Callable[[list[Any]], Any]) -> list[Any]:
        """What `merge` makes of each tensor of the replicas of this process, in their order. Their
        shapes may differ, unlike those of TensorFlow's collective operations.
        """

        def of_all(strategy: Any, *values: Any) -> Any:
            return [merge(list(strategy.experimental_local_results(one))) for one in values]

        with self.with_strategy():
            return list(self._context.merge_call(of_all, args=tuple(tensors)))

    def _over_processes(self, tensors: list[Any], how: Callable[..., Any]) -> list[Any]:
        """One message to the other processes, which the first replica of each sends. The order of
        messages is that of the program in every process.
        """

        def message(given: list[Any]) -> list[Any]:
            with tf.control_dependencies(self._last), tf.device("CPU:0"):
                return self.group.over_processes(given, how)

        if self._context is None:
            self._last = found = message(tensors)
            return found

        def of_all(strategy: Any, *values: Any) -> Any:
            self._last = found = message(
                [strategy.experimental_local_results(one)[0] for one in values]
            )
            return found

        with self.with_strategy():
            return list(self._context.merge_call(of_all, args=tuple(tensors)))


class _Pack:
    """The tensors of one dtype as one flat tensor."""

    def __init__(self, dtype: Any, tensors: Sequence[Any]) -> None:
        own = [(place, one) for place, one in enumerate(tensors) if one.dtype == dtype]
        self._own = own
        self._sizes = [tf.size(one) for _, one in own]
        self.flat = tf.concat([tf.reshape(one, [-1]) for _, one in own], 0)

    def apart(self, flat: Any) -> Iterator[tuple[int, Any]]:
        """Each tensor with its place among all, from a flat tensor of the same size."""
        parts = tf.split(flat, tf.stack(self._sizes), num=len(self._own))
        for (place, one), part in zip(self._own, parts, strict=True):
            found = tf.reshape(part, tf.shape(one))
            found.set_shape(one.shape)
            yield place, found


def state_of(model: keras.Model) -> list[Any]:
    """Every variable on which the next step or measurement depends."""
    objective = attached(model)
    every = [
        *model.variables,
        *model.optimizer.variables,
        *model.metrics_variables,
        *(objective.variables if objective is not None else ()),
    ]
    return list({id(one): one for one in every}.values())


def concatenated(channel: Channel, arrays: Sequence[Any]) -> list[Any]:
    """Arrays concatenated over all processes along their first axis, which may differ."""
    found = []
    for one in arrays:
        sizes = [int(size[0]) for [size] in channel.gather([np.array([len(one)])])]
        padded = np.zeros((max(sizes), *one.shape[1:]), one.dtype)
        padded[: len(one)] = one
        parts = channel.gather([padded])
        found.append(np.concatenate([part[:n] for [part], n in zip(parts, sizes, strict=True)]))
    return found

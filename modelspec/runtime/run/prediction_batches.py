"""The batches of a prediction: many of them in one call of TensorFlow.

Python code between two batches takes longer than a small model, so a call computes as many batches
as fit into a tenth of a second and a few megabytes. Several batches in one call give the same bits
as one by one. The number of rows in a batch can change the last bits of a float, as in Keras.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ..backend.traced import traced
from ..data.table import Array
from .pacing import Pace
from .prediction_steps import Masks

if TYPE_CHECKING:
    from ..data.batches import Feed
    from ..data.split import Positions

Outputs = dict[str, Array]
Computed = tuple[Outputs, Outputs]
"""The outputs by name, and which of their steps are not padding."""

_RESULTS = 4 * 2**20
"""Maximum bytes of the outputs of a call."""
_KEPT = "_modelspec_prediction_steps"
"""The attribute of a model with its traced function."""


def computed(
    model: keras.Model,
    masks: Masks | None,
    feed: Feed,
    positions: Positions | range,
    size: int,
    names: Sequence[str],
) -> Iterator[Computed]:
    """The outputs of a model that takes batches of any size, for some positions in order; several
    batches of `size` rows at a time.
    """
    batches = feed.plain(positions, size)
    count = -(-len(positions) // size)
    if count == 1:  # a traced function is not worth it, and Keras keeps its own
        for batch in batches:
            yield by_name(model.predict_on_batch(batch), names), masks(batch) if masks else {}
        return
    steps, iterator, pace = _steps_of(model, masks), iter(batches), Pace(one_by_one=False)
    done, most = 0, 1
    while done < count:
        taken = min(pace.count, most, count - done)
        began = time.perf_counter()
        outputs, found = steps(iterator, taken)
        pace.took(taken, time.perf_counter() - began)
        done += taken
        held = sum(one.nbytes for one in keras.tree.flatten(outputs)) // taken
        most = max(1, _RESULTS // max(held, 1)) if steps.joins else 1
        yield by_name(outputs, names), found


def by_name(given: Any, names: Sequence[str]) -> Outputs:
    """The outputs of a batch by name; a mapping has its own names."""
    if isinstance(given, Mapping):
        return {name: np.asarray(value) for name, value in given.items()}
    return {names[0]: np.asarray(given)}


def _steps_of(model: keras.Model, masks: Masks | None) -> _Steps:
    """The steps of a model, which keeps them: they are traced once, however often it predicts."""
    known = getattr(model, _KEPT, None)
    if not isinstance(known, _Steps) or (masks is None) != (known.masks is None):
        known = _Steps(model, masks)
        setattr(model, _KEPT, known)
    return known


class _Steps:
    """Computes many batches in one call."""

    def __init__(self, model: keras.Model, masks: Masks | None) -> None:
        self.model, self.masks = model, masks
        self.joins = True
        """Whether the outputs of several batches can be joined: batches with longer texts may
        have longer outputs.
        """
        self._one = traced(
            model.predict_step, reduce_retracing=True, jit_compile=model.jit_compile or None
        )
        self._many = traced(self._all, reduce_retracing=True)

    def __call__(self, iterator: Any, count: int) -> tuple[Any, Outputs]:
        """The outputs of the next `count` batches, joined along their first axis, and their
        masks by name.
        """
        outputs, masks = self._many(iterator, tf.constant(count))
        arrays = keras.tree.map_structure(np.asarray, outputs)
        return arrays, {name: np.asarray(mask) for name, mask in masks.items()}

    def _all(self, iterator: Any, count: Any) -> Any:
        first = self._batch(iterator.get_next())
        flat = keras.tree.flatten(first)
        if any(None in one.shape[1:] for one in flat):
            self.joins = False
            return first
        arrays = [_beginning_with(one, count) for one in flat]

        def body(done: Any, arrays: Any) -> Any:
            found = keras.tree.flatten(self._batch(iterator.get_next()))
            return done + 1, [
                array.write(done, one) for array, one in zip(arrays, found, strict=True)
            ]

        _, arrays = tf.while_loop(
            lambda done, arrays: done < count, body, [tf.constant(1), arrays], parallel_iterations=1
        )
        return keras.tree.pack_sequence_as(first, [one.concat() for one in arrays])

    def _batch(self, batch: Any) -> Any:
        return self._one((batch,)), {} if self.masks is None else self.masks.of(batch)


def _beginning_with(first: Any, count: Any) -> Any:
    """An array of `count` tensors whose first axes may differ."""
    shape = [None, *first.shape[1:]]
    made = tf.TensorArray(first.dtype, count, infer_shape=False, element_shape=shape)
    return made.write(0, first)

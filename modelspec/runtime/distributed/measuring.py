"""Measurements by several processes: each computes its share of every batch, and all of them get
the outputs of whole batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ..data.shares import slice_of, sliced
from .cluster import current_channel
from .replicas import Group, concatenated

if TYPE_CHECKING:
    from .channel import Channel


def group_of(model: keras.Model) -> Group | None:
    """The replica of this process with its connections to the others; None for one process."""
    channel = current_channel()
    return None if channel is None else Group([model], [None], None, channel)


class SharedModel:
    """Calls a model as one process would. Every process gives the same batches, in the same order;
    each computes its examples and gets the outputs of all.
    """

    def __init__(self, model: keras.Model, group: Group) -> None:
        assert group.channel is not None
        self._model, self._share, self._channel = model, group.share, group.channel

    def __call__(self, inputs: Any, *, training: bool) -> Any:
        """The outputs of a whole batch, with their masks, in at least single precision."""
        examples = len(next(iter(keras.tree.flatten(inputs))))
        begin, end = self._share.span(examples)
        own = self._model(sliced(inputs, begin, end), training=training)
        counted = slice_of(self._share, examples, self._share.first).counted
        if isinstance(own, Mapping):
            return {name: _whole(self._channel, one, counted) for name, one in own.items()}
        return _whole(self._channel, own, counted)


def _whole(channel: Channel, own: Any, counted: int) -> Any:
    """An output of the whole batch, from that of this process."""
    values = np.asarray(own)[:counted]
    values = values if values.dtype == np.float64 else values.astype(np.float32)
    mask = getattr(own, "_keras_mask", None)
    parts = [values] if mask is None else [values, np.asarray(mask, np.uint8)[:counted]]
    found = concatenated(channel, [np.ascontiguousarray(one) for one in parts])
    whole = tf.constant(found[0])
    if mask is not None:
        whole._keras_mask = tf.constant(found[1], tf.bool)
    return whole

"""Which entries of padded sequences are real steps, and which are padding from `pad`: from the
columns, through the layers of a transform, to the layer that learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .sequences import lengths, steps_of
from .table import Array
from .transforms import Runner

if TYPE_CHECKING:
    from .scanned_feature import ScannedFeature


def kept_lengths(feature: ScannedFeature, block: Mapping[str, Array], chosen: Array) -> Array:
    """The number of values of each chosen example before padding: (examples,), or (examples,
    columns) if several columns are stacked.
    """
    found = [lengths(feature.lists(name, block[name]))[chosen] for name in feature.checks]
    return np.stack(found, axis=-1) if feature.bound.stacked else found[0]


def real_entries(
    feature: ScannedFeature, block: Mapping[str, Array], chosen: Array, length: int | None
) -> Array | None:
    """Which entries of the chosen examples, as they are read, are real; None: all."""
    pad = feature.bound.pad
    if pad is None or length is None:
        return None
    marks = steps_of(kept_lengths(feature, block, chosen), length, pad)
    if marks.all():
        return None
    sizes = (length, *feature.sizes[1:])
    if feature.bound.stacked:  # (examples, columns, length) -> (examples, length, ..., columns)
        marks = np.moveaxis(marks, 1, -1)
        marks = marks.reshape(len(marks), length, *(1,) * (len(sizes) - 2), marks.shape[-1])
    else:
        marks = marks.reshape(len(marks), length, *(1,) * (len(sizes) - 1))
    return np.broadcast_to(marks, (len(marks), *sizes))


class RealSteps:
    """Propagates the marks through layers to the one that learns. `types` are the types of their
    inputs, followed by the type of the result.
    """

    def __init__(self, layers: Sequence[Layer], types: Sequence[Tensor]) -> None:
        self._layers = tuple(layers)
        self._types = tuple(types)
        self._moving = {
            place: Runner([layer], [types[place]])
            for place, layer in enumerate(layers)
            if layer.keeps_values is not None
        }

    def __call__(self, real: Array, learner: Layer) -> Array:
        """The marks of the input of the learning layer. Raises `Fault` (MS669) if an earlier layer
        combines several steps.
        """
        for place, layer in enumerate(self._layers):
            if place in self._moving:  # values and marks are moved, not changed
                real = self._moving[place](real.astype(np.float64)) > 0.5
                continue
            real = self._spread(real, place, layer, learner)
        return real

    def _spread(self, real: Array, place: int, layer: Layer, learner: Layer) -> Array:
        """The marks after a layer that keeps the entries, or replaces each by several."""
        before, after = self._types[place].shape[1:], self._types[place + 1].shape[1:]
        if before == after:
            return real
        if before[-1:] == (1,):
            real, before = real[..., 0], before[:-1]
        if before != after[: len(before)] or not before:
            raise Fault(
                "MS669",
                f"`{learner.kind()}` learns after `pad`, but after `{layer.kind()}` padding cannot"
                " be"
                " distinguished from values",
                help=f"put `{learner.kind()}` before `{layer.kind()}`",
            )
        sizes = tuple(int(size) for size in after if isinstance(size, int))
        extra = len(sizes) - len(before)
        return np.broadcast_to(real.reshape(*real.shape, *(1,) * extra), (len(real), *sizes))

"""Which entries of padded sequences are steps of the sequence, and which `pad` has filled up: from
the columns through the layers of a transform, to the layer that learns.
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
    """How many values each of the chosen examples has before padding: (examples,), or (examples,
    columns) where several are stacked.
    """
    found = [lengths(feature.lists(name, block[name]))[chosen] for name in feature.checks]
    return np.stack(found, axis=-1) if feature.bound.stacked else found[0]


def real_entries(
    feature: ScannedFeature, block: Mapping[str, Array], chosen: Array, length: int | None
) -> Array | None:
    """Which entries of the chosen examples, as they are read, are real; None: all of them."""
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
    """Follows the marks through layers to the one that learns. `types` are those that each gets,
    and the last that of the result.
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
        """The marks of what the learning layer gets. Raises `Fault` (MS669) where a layer
        before it makes something of several steps.
        """
        for place, layer in enumerate(self._layers):
            if place in self._moving:  # values are moved and not changed: so are their marks
                real = self._moving[place](real.astype(np.float64)) > 0.5
                continue
            real = self._spread(real, place, layer, learner)
        return real

    def _spread(self, real: Array, place: int, layer: Layer, learner: Layer) -> Array:
        """Over what a layer makes of each entry: as many entries, or some in place of each."""
        before, after = self._types[place].shape[1:], self._types[place + 1].shape[1:]
        if before == after:
            return real
        if before[-1:] == (1,):
            real, before = real[..., 0], before[:-1]
        if before != after[: len(before)] or not before:
            raise Fault(
                "MS669",
                f"`{learner.kind()}` learns after `pad`, and behind `{layer.kind()}` it cannot be"
                " said which values are filled up",
                help=f"put `{learner.kind()}` before `{layer.kind()}`",
            )
        sizes = tuple(int(size) for size in after if isinstance(size, int))
        extra = len(sizes) - len(before)
        return np.broadcast_to(real.reshape(*real.shape, *(1,) * extra), (len(real), *sizes))

"""The predictions of one output with its targets, and the error of each example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ..data.contact_sheet import is_image
from ..data.table import Array
from ..history.findings import Classes, Labels, Numbers
from ..history.formatting import brief
from .examine_images import image_png

_WORDS: Final = 12
"""Maximum number of steps shown of a prediction."""


@dataclass(frozen=True)
class Predicted:
    """The predictions and targets of some examples."""

    values: Array
    targets: Array
    mask: Array | None


Text = Callable[[int], str]


@dataclass(frozen=True)
class Scored:
    """The results of an output; the functions take the number of an example."""

    wrongness: Array
    """The error of each example; the largest is the worst, NaN is unknown."""
    true: Text
    predicted: Text
    error: Text
    images: Callable[[int], tuple[tuple[str, bytes], ...]] = lambda at: ()
    classes: Classes | None = None
    labels: Labels | None = None
    numbers: tuple[Numbers, ...] = ()


class Kind(Protocol):
    """The kind of an output."""

    def scored(self, found: Predicted) -> Scored | None:
        """None if its targets do not fit this kind."""


@dataclass(frozen=True)
class Pictures:
    """An output of images, e.g. that of an autoencoder."""

    def scored(self, found: Predicted) -> Scored | None:
        values, true = found.values, found.targets
        if values.shape != true.shape or values.ndim != 4 or not is_image(values.shape[1:]):
            return None
        axes = tuple(range(1, values.ndim))
        errors = ((values.astype(np.float64) - true) ** 2).mean(axis=axes)

        def images(at: int) -> tuple[tuple[str, bytes], ...]:
            low, high = float(true[at].min()), float(true[at].max())
            return (
                ("target", image_png(true[at], low, high)),
                ("output", image_png(values[at], low, high)),
            )

        def error(at: int) -> str:
            return f"mean squared error {brief(float(errors[at]))}"

        return Scored(errors, lambda at: "", lambda at: "", error, images)


def real(mask: Array | None, shape: tuple[int, ...]) -> Array:
    """The values that are not padding."""
    if mask is None or mask.ndim > len(shape) or mask.shape != shape[: mask.ndim]:
        return np.ones(shape, bool)
    wide = mask.astype(bool).reshape(*mask.shape, *(1,) * (len(shape) - mask.ndim))
    return np.broadcast_to(wide, shape).copy()


def shortened(words: Sequence[str], between: str = " ") -> str:
    more = f"{between}... ({len(words)} in all)" if len(words) > _WORDS else ""
    return between.join(words[:_WORDS]) + more

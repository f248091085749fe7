"""Layers that act in training only: dropout and noise."""

from __future__ import annotations

from typing import ClassVar

from ..diagnostics import Fault
from ..shapes import Tensor, may_equal, show
from .activation import Elementwise
from .base import Example, Inputs
from .types import Count, Rate, Seed

_ANY = (Example({"rate": 0.5}, ((None, 5),)), Example({"rate": 0.0, "seed": 1}, ((None, None, 5),)))


class RandomMask(Elementwise):
    """What Dropout and its kin share that let entries drop in a pattern of a given shape."""

    rate: Rate
    noise_shape: tuple[Count | None, ...] | None = None
    seed: Seed | None = None

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        noise = self.noise_shape
        # Keras looks at the noise shape only once training runs.
        if noise is not None and (len(noise) != x.rank or not all(
            wanted in (None, 1) or may_equal(wanted, size) for wanted, size in zip(noise, x.shape, strict=True)
        )):
            shown = ", ".join("null" if size is None else str(size) for size in noise)
            raise Fault("MS403", f"noise of shape ({shown}) does not fit the input {show(x.shape)}", ("noise_shape",),
                        help="give one size for each axis, the batch axis included: `null` for all of it, 1 to share the "
                             "noise along it")
        return super().output(inputs)


class Dropout(RandomMask):
    """Sets a share of the entries to zero in training and scales the others up, so that the sum is kept on average.

    ```yaml
    - Dropout: 0.2
    - Dropout: {rate: 0.2, noise_shape: [null, 1, null]}
    ```

    Takes any shape and gives the same. `noise_shape` has one size for each axis: along an axis of size 1 entries
    drop together. From Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        *_ANY, Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )


class GaussianNoise(Elementwise):
    """Adds normal noise in training.

    ```yaml
    - GaussianNoise: 0.1
    ```

    Takes any shape and gives the same.
    """

    stddev: Rate
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = (Example({"stddev": 0.1}, ((None, 5),)),)

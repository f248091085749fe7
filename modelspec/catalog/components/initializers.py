"""Initializers: the initial values of a layer's weights."""

from typing import ClassVar

from modelspec.core.shapes import Tensor

from .setting_types import Component


class Initializer(Component):
    keras_module: ClassVar[str] = "initializers"

    def misfit(self, weight: Tensor) -> str | None:
        """The reason why it cannot initialize a weight of this type, as the end of a sentence; None
        if it can.
        """
        return None


class Seeded(Initializer):
    """A random initializer. With a seed it gives the same values each time."""

    common: ClassVar[tuple[str, ...]] = ("seed",)

    seed: int | None = None
    """The seed of the random numbers; `null` derives one from the `seed` of the spec."""


class Zeros(Initializer):
    """All zeros.

    ```yaml
    bias_initializer: zeros
    ```
    """


class Ones(Initializer):
    """All ones.

    ```yaml
    gamma_initializer: ones
    ```
    """


class Constant(Initializer):
    """A constant.

    ```yaml
    bias_initializer: {Constant: 0.1}
    ```
    """

    value: float = 0.0

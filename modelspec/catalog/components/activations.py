"""Activations: Keras functions by name. Each has a class without settings for its manual page."""

# ruff: noqa: N801 - an activation is named as Keras names it: `relu`.

from typing import ClassVar, Literal, TypeAlias

from .setting_types import Component

Saves: TypeAlias = Literal["input", "output", "own", "choice"]
"""A tensor of its argument's shape: the argument, the result, an intermediate one, or a boolean for
each element.
"""


class Activation(Component):
    keras_module: ClassVar[str] = "activations"
    layer: ClassVar[str | None] = None  # the equivalent layer with settings
    gives_probabilities: ClassVar[bool] = False  # numbers from 0 to 1
    gives_logits: ClassVar[bool] = False  # any number, or the input of a softmax
    saves: ClassVar[tuple[Saves, ...]] = (
        "output",
    )  # the tensors of the forward pass that its gradient requires


class relu(Activation):
    """`max(x, 0)`.

    ```yaml
    activation: relu
    ```
    """

    layer: ClassVar[str | None] = "ReLU"


class gelu(Activation):
    """`x` times the standard normal cumulative distribution function of `x`.

    ```yaml
    activation: gelu
    ```

    Hendrycks and Gimpel, 2016: https://arxiv.org/abs/1606.08415
    """

    saves: ClassVar[tuple[Saves, ...]] = ("own", "own", "own")


class silu(Activation):
    """`x * sigmoid(x)`; also called `swish`.

    ```yaml
    activation: silu
    ```

    Ramachandran et al., 2017: https://arxiv.org/abs/1710.05941
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input",)


class sigmoid(Activation):
    """`1 / (1 + exp(-x))`, from 0 to 1: the probability of the positive class.

    ```yaml
    activation: sigmoid
    ```
    """

    gives_probabilities: ClassVar[bool] = True


class softmax(Activation):
    """`exp(x) / sum(exp(x))` along the last axis: a probability for each class.

    ```yaml
    activation: softmax
    ```
    """

    gives_probabilities: ClassVar[bool] = True
    layer: ClassVar[str | None] = "Softmax"


class tanh(Activation):
    """The hyperbolic tangent, from -1 to 1.

    ```yaml
    activation: tanh
    ```
    """


class linear(Activation):
    """`x` itself.

    ```yaml
    activation: linear
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ()
    gives_logits: ClassVar[bool] = True

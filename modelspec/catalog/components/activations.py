"""Activations: functions of Keras by their names. Each has a class for its manual page,
without settings.
"""

# ruff: noqa: N801 - an activation is named as Keras names it: `relu`.

from typing import ClassVar

from .setting_types import Component


class Activation(Component):
    keras_module: ClassVar[str] = "activations"
    layer: ClassVar[str | None] = None  # the layer that does the same and has settings
    gives_probabilities: ClassVar[bool] = False  # numbers from 0 to 1
    gives_logits: ClassVar[bool] = False  # any number, or what a softmax makes probabilities of


class relu(Activation):
    """`max(x, 0)`.

    ```yaml
    activation: relu
    ```
    """

    layer: ClassVar[str | None] = "ReLU"


class leaky_relu(Activation):
    """`x` above zero and `0.2 * x` below.

    ```yaml
    activation: leaky_relu
    ```
    """

    gives_logits: ClassVar[bool] = True
    layer: ClassVar[str | None] = "LeakyReLU"


class relu6(Activation):
    """`min(max(x, 0), 6)`: ReLU that stops at 6.

    ```yaml
    activation: relu6
    ```

    Howard et al., 2017: https://arxiv.org/abs/1704.04861
    """


class elu(Activation):
    """`x` above zero and `exp(x) - 1` below.

    ```yaml
    activation: elu
    ```

    Clevert et al., 2016: https://arxiv.org/abs/1511.07289
    """

    layer: ClassVar[str | None] = "ELU"


class selu(Activation):
    """ELU scaled so that layers keep mean 0 and variance 1, with `lecun_normal` and `AlphaDropout`.

    ```yaml
    activation: selu
    ```

    Klambauer et al., 2017: https://arxiv.org/abs/1706.02515
    """


class celu(Activation):
    """`x` above zero and `exp(x) - 1` below, with a slope that does not jump.

    ```yaml
    activation: celu
    ```

    Barron, 2017: https://arxiv.org/abs/1704.07483
    """


class gelu(Activation):
    """`x` times the normal distribution function of `x`.

    ```yaml
    activation: gelu
    ```

    Hendrycks and Gimpel, 2016: https://arxiv.org/abs/1606.08415
    """


class silu(Activation):
    """`x * sigmoid(x)`; also called `swish`.

    ```yaml
    activation: silu
    ```

    Ramachandran et al., 2017: https://arxiv.org/abs/1710.05941
    """


class hard_silu(Activation):
    """`x * hard_sigmoid(x)`, quicker than `silu`; also called `hard_swish`.

    ```yaml
    activation: hard_silu
    ```

    Howard et al., 2019: https://arxiv.org/abs/1905.02244
    """


class mish(Activation):
    """`x * tanh(softplus(x))`.

    ```yaml
    activation: mish
    ```

    Misra, 2019: https://arxiv.org/abs/1908.08681
    """


class softplus(Activation):
    """`log(exp(x) + 1)`, a smooth ReLU.

    ```yaml
    activation: softplus
    ```
    """


class squareplus(Activation):
    """`(x + sqrt(x ** 2 + 4)) / 2`, a smooth ReLU without exponentials.

    ```yaml
    activation: squareplus
    ```

    Barron, 2021: https://arxiv.org/abs/2112.11687
    """


class sparse_plus(Activation):
    """0 up to -1, `(x + 1) ** 2 / 4` up to 1, and `x` from there on.

    ```yaml
    activation: sparse_plus
    ```
    """


class sigmoid(Activation):
    """`1 / (1 + exp(-x))`, from 0 to 1: the probability of a yes.

    ```yaml
    activation: sigmoid
    ```
    """

    gives_probabilities: ClassVar[bool] = True


class hard_sigmoid(Activation):
    """`x / 6 + 1 / 2`, kept between 0 and 1.

    ```yaml
    activation: hard_sigmoid
    ```

    https://en.wikipedia.org/wiki/Hard_sigmoid
    """

    gives_probabilities: ClassVar[bool] = True


class sparse_sigmoid(Activation):
    """`(x + 1) / 2`, kept between 0 and 1.

    ```yaml
    activation: sparse_sigmoid
    ```

    Blondel et al., 2019: https://arxiv.org/abs/1901.02324
    """

    gives_probabilities: ClassVar[bool] = True


class log_sigmoid(Activation):
    """The logarithm of `sigmoid(x)`.

    ```yaml
    activation: log_sigmoid
    ```
    """


class softmax(Activation):
    """`exp(x) / sum(exp(x))` along the last axis: a probability for each class.

    ```yaml
    activation: softmax
    ```
    """

    gives_probabilities: ClassVar[bool] = True
    layer: ClassVar[str | None] = "Softmax"


class log_softmax(Activation):
    """The logarithm of `softmax(x)`, along the last axis.

    ```yaml
    activation: log_softmax
    ```
    """

    gives_logits: ClassVar[bool] = True


class sparsemax(Activation):
    """Like `softmax`, with probabilities of exactly zero.

    ```yaml
    activation: sparsemax
    ```

    Martins and Astudillo, 2016: https://arxiv.org/abs/1602.02068
    """

    gives_probabilities: ClassVar[bool] = True


class tanh(Activation):
    """The hyperbolic tangent, from -1 to 1.

    ```yaml
    activation: tanh
    ```
    """


class hard_tanh(Activation):
    """`x`, kept between -1 and 1.

    ```yaml
    activation: hard_tanh
    ```
    """


class tanh_shrink(Activation):
    """`x - tanh(x)`.

    ```yaml
    activation: tanh_shrink
    ```
    """

    gives_logits: ClassVar[bool] = True


class hard_shrink(Activation):
    """`x`, and 0 where it is between -0.5 and 0.5.

    ```yaml
    activation: hard_shrink
    ```
    """

    gives_logits: ClassVar[bool] = True


class soft_shrink(Activation):
    """`x` moved by 0.5 towards zero, and 0 where it is between -0.5 and 0.5.

    ```yaml
    activation: soft_shrink
    ```
    """

    gives_logits: ClassVar[bool] = True


class softsign(Activation):
    """`x / (abs(x) + 1)`, from -1 to 1.

    ```yaml
    activation: softsign
    ```
    """


class exponential(Activation):
    """`exp(x)`.

    ```yaml
    activation: exponential
    ```
    """


class linear(Activation):
    """`x` itself.

    ```yaml
    activation: linear
    ```
    """

    gives_logits: ClassVar[bool] = True

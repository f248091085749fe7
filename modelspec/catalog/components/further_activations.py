"""The activations that fewer models use; see `activations.py`."""

# ruff: noqa: N801 - an activation is named as Keras names it: `relu`.

from typing import ClassVar

from .activations import Activation, Saves


class leaky_relu(Activation):
    """`x` above zero and `0.2 * x` below.

    ```yaml
    activation: leaky_relu
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input",)
    gives_logits: ClassVar[bool] = True
    layer: ClassVar[str | None] = "LeakyReLU"


class relu6(Activation):
    """`min(max(x, 0), 6)`: ReLU with a maximum of 6.

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
    """Scaled ELU, which preserves mean 0 and variance 1 together with `lecun_normal` and
    `AlphaDropout`.

    ```yaml
    activation: selu
    ```

    Klambauer et al., 2017: https://arxiv.org/abs/1706.02515
    """


class celu(Activation):
    """`x` above zero and `exp(x) - 1` below, with a continuous slope.

    ```yaml
    activation: celu
    ```

    Barron, 2017: https://arxiv.org/abs/1704.07483
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input", "own")


class hard_silu(Activation):
    """`x * hard_sigmoid(x)`, faster than `silu`; also called `hard_swish`.

    ```yaml
    activation: hard_silu
    ```

    Howard et al., 2019: https://arxiv.org/abs/1905.02244
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input", "own", "own")


class mish(Activation):
    """`x * tanh(softplus(x))`.

    ```yaml
    activation: mish
    ```

    Misra, 2019: https://arxiv.org/abs/1908.08681
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input", "own")


class softplus(Activation):
    """`log(exp(x) + 1)`, a smooth ReLU.

    ```yaml
    activation: softplus
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input",)


class squareplus(Activation):
    """`(x + sqrt(x ** 2 + 4)) / 2`, a smooth ReLU without exponentials.

    ```yaml
    activation: squareplus
    ```

    Barron, 2021: https://arxiv.org/abs/2112.11687
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input", "own")


class sparse_plus(Activation):
    """0 up to -1, `(x + 1) ** 2 / 4` up to 1, and `x` above.

    ```yaml
    activation: sparse_plus
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("own", "choice", "choice")


class hard_sigmoid(Activation):
    """`x / 6 + 1 / 2`, clipped to [0, 1].

    ```yaml
    activation: hard_sigmoid
    ```

    https://en.wikipedia.org/wiki/Hard_sigmoid
    """

    saves: ClassVar[tuple[Saves, ...]] = ("own",)
    gives_probabilities: ClassVar[bool] = True


class hard_sigmoid_keras2(Activation):
    """`0.2 * x + 0.5`, clipped to [0, 1]: what Keras 1 and 2 and TensorFlow.js computed as
    `hard_sigmoid`.

    ```yaml
    activation: hard_sigmoid_keras2
    ```

    `modelspec import` writes it for models of these versions. Keras 3 does not have it, so a saved
    model with it loads after `import modelspec.backend.layers`, or with `modelspec.load_model`.
    """

    keras_module: ClassVar[str] = "modelspec"
    saves: ClassVar[tuple[Saves, ...]] = ("own", "own")
    gives_probabilities: ClassVar[bool] = True


class sparse_sigmoid(Activation):
    """`(x + 1) / 2`, clipped to [0, 1].

    ```yaml
    activation: sparse_sigmoid
    ```

    Blondel et al., 2019: https://arxiv.org/abs/1901.02324
    """

    saves: ClassVar[tuple[Saves, ...]] = ("choice", "choice")
    gives_probabilities: ClassVar[bool] = True


class log_sigmoid(Activation):
    """The logarithm of `sigmoid(x)`.

    ```yaml
    activation: log_sigmoid
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("own",)


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

    saves: ClassVar[tuple[Saves, ...]] = ("own", "own", "choice")
    gives_probabilities: ClassVar[bool] = True


class hard_tanh(Activation):
    """`x`, clipped to [-1, 1].

    ```yaml
    activation: hard_tanh
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input", "own")


class tanh_shrink(Activation):
    """`x - tanh(x)`.

    ```yaml
    activation: tanh_shrink
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("own",)
    gives_logits: ClassVar[bool] = True


class hard_shrink(Activation):
    """`x`, or 0 between -0.5 and 0.5.

    ```yaml
    activation: hard_shrink
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("choice",)
    gives_logits: ClassVar[bool] = True


class soft_shrink(Activation):
    """`x` shifted by 0.5 towards zero, or 0 between -0.5 and 0.5.

    ```yaml
    activation: soft_shrink
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("choice", "choice")
    gives_logits: ClassVar[bool] = True


class softsign(Activation):
    """`x / (abs(x) + 1)`, from -1 to 1.

    ```yaml
    activation: softsign
    ```
    """

    saves: ClassVar[tuple[Saves, ...]] = ("input",)


class exponential(Activation):
    """`exp(x)`.

    ```yaml
    activation: exponential
    ```
    """

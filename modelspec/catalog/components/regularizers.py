"""Regularizers: penalties on weights or outputs, added to the loss."""

from typing import ClassVar, Literal

from modelspec.core.shapes import PENDING, Tensor, known, show

from .setting_types import Component, NonNegative


class Regularizer(Component):
    keras_module: ClassVar[str] = "regularizers"

    def misfit(self, tensor: Tensor) -> str | None:
        """The reason why it cannot penalize a tensor of this type, as the end of a sentence; None
        if it can. An output has its batch axis.
        """
        return None


class L1(Regularizer):
    """Adds `l1 * sum(abs(x))`, which makes weights exactly zero.

    ```yaml
    kernel_regularizer: {L1: 0.001}
    ```
    """

    l1: NonNegative = 0.01


class L2(Regularizer):
    """Adds `l2 * sum(x ** 2)`, which keeps weights small; also called weight decay.

    ```yaml
    kernel_regularizer: {L2: 0.0001}
    ```
    """

    l2: NonNegative = 0.01


class L1L2(Regularizer):
    """Adds both an L1 and an L2 penalty.

    ```yaml
    kernel_regularizer: {L1L2: {l1: 0.001, l2: 0.01}}
    ```
    """

    l1: NonNegative = 0.0
    l2: NonNegative = 0.0


class OrthogonalRegularizer(Regularizer):
    """Makes the rows or the columns of a matrix orthogonal to each other; only for weights with two
    axes.

    ```yaml
    kernel_regularizer: {OrthogonalRegularizer: {factor: 0.02, mode: columns}}
    ```
    """

    factor: NonNegative = 0.01
    mode: Literal["rows", "columns"] = "rows"

    def misfit(self, tensor: Tensor) -> str | None:
        """Keras divides by the number of pairs, computed from the shape, and compares with a
        float32 matrix.
        """
        shape = tensor.shape
        if len(shape) != 2:
            return f"requires a matrix, found {show(shape)}"
        count = shape[0 if self.mode == "rows" else 1]
        if count == PENDING:
            return None
        if known(count) is None:
            return f"requires a known number of {self.mode}"
        if count == 1:
            return (
                f"requires at least two {self.mode}, found {show(shape)}: the penalty would be NaN"
            )
        if tensor.dtype != "float32":
            return f"computes in float32, found {tensor.dtype}"
        return None

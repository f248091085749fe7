"""Convolutional LSTMs, which process sequences of signals, images or volumes: ConvLSTM1D,
ConvLSTM2D, ConvLSTM3D.
"""

from typing import ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Size, Tensor, may_equal, mul, needs, plus, product, show

from .common import prefixed
from .convolution import refuse_dilated_strides
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight
from .mask_arguments import need_mask
from .recurrent import check_stateful, refuse_orthogonal_bfloat16, sequence_arguments
from .saved import Saved
from .setting_types import (
    Activation,
    Constraint,
    Count,
    DataFormat,
    Initializer,
    Rate,
    Regularizer,
    Seed,
    Window1D,
    Window2D,
    Window3D,
)
from .windows import Padding, channel_axis, input_channels, numbers, slide, spatial, with_channels


class ConvolutionalLSTM(Layer):
    """Base of ConvLSTM1D, ConvLSTM2D and ConvLSTM3D."""

    takes = "floats"
    supports_masking = True
    uses_mask_of = ("sequences",)
    axes: ClassVar[int]
    arguments: ClassVar[tuple[Argument, ...]] = sequence_arguments(2)

    filters: Count
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: tuple[int, ...]
    activation: Activation | None = "tanh"
    recurrent_activation: Activation | None = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    unit_forget_bias: bool = True
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    seed: Seed | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    """Whether the output of a masked step is zeros rather than the output of the step before.
    `Bidirectional` sets it automatically.
    """

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        refuse_orthogonal_bfloat16(self, self.recurrent_initializer)
        refuse_dilated_strides(self.strides, self.dilation_rate)
        return self

    def mask_rank(self, rank: int) -> int | None:
        return 2

    @property
    def passes_mask(self) -> bool:
        return self.return_sequences

    def takes_mask(self, mask: Shape, made: Tensor) -> bool:
        """A mask that also marks rows selects among those of the state, if it has as many."""
        rows = made.shape[2 if self.return_sequences else 1 :]
        return len(mask) < made.rank + (not self.return_sequences) and all(
            may_equal(a, b) for a, b in zip(mask[2:], rows, strict=False)
        )

    def output(self, inputs: Inputs) -> Outputs:
        x = numbers(self, inputs, self.axes + 3)
        state = self._state(x)
        self._check_states(inputs, state)
        if (mask := inputs.tensor("mask")) is not None:
            need_mask(mask, x.shape[:2])
        check_stateful(self.stateful, x)
        steps = (x.shape[1],) if self.return_sequences else ()
        result = self.result((state[0], *steps, *state[1:]))
        return (result, self.result(state), self.result(state)) if self.return_state else result

    def _state(self, x: Tensor) -> Shape:
        """The shape of the hidden and of the cell state."""
        step = self._step(x)
        input_channels(step, self.data_format)
        given = spatial(step.shape, self.data_format)
        for size in given:
            needs(
                size,
                "a size of the images",
                "set the input's spatial sizes to numbers: the states have the same size",
            )
        sizes = slide(given, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return with_channels(x.shape[0], sizes, self.filters, self.data_format)

    @staticmethod
    def _step(x: Tensor) -> Tensor:
        return x._replace(shape=(x.shape[0], *x.shape[2:]))

    def _check_states(self, inputs: Inputs, state: Shape) -> None:
        given = inputs.list("initial_state")
        # Keras does not check them before it runs.
        if given and len(given) != 2:
            raise Fault(
                "MS310",
                f"`{self.kind()}` has 2 states, but {len(given)} initial states are given",
                argument="initial_state",
            )
        for each in given:
            if each.rank != len(state) or not all(map(may_equal, each.shape, state)):
                raise Fault(
                    "MS403",
                    f"a state of `{self.kind()}` has the shape {show(state)}, found"
                    f" {show(each.shape)}",
                    argument="initial_state",
                    help="use the states of a layer with the same `filters` and sizes",
                )

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", "hidden", "cell") if self.return_state else ()

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        channels = self._step(inputs.one).shape[channel_axis(self.data_format)]
        wide = 4 * self.filters  # one kernel for each gate
        kernels = (
            self.weight("kernel", *self.kernel_size, channels, wide),
            self.weight("recurrent_kernel", *self.kernel_size, self.filters, wide),
        )
        return prefixed(
            "conv_lstm_cell", (*kernels, self.weight("bias", wide)) if self.use_bias else kernels
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        x = inputs.one
        places = spatial(self._state(x), self.data_format)
        kernel, recurrent = self.weights(inputs)[:2]
        return mul(
            plus(product((*places, *kernel.shape)), product((*places, *recurrent.shape))),
            x.shape[1],
        )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        # The kernels are split at every step, which makes copies.
        kernels = tuple(self.result(one.shape) for one in self.weights(inputs)[:2])
        states = (self.result(self._state(x)),) * 7
        saved = Saved(own=(*states, *kernels), own_for_weights=(self._step(x),), with_weights=True)
        return saved.at_each(x.shape[1])


class ConvLSTM1D(ConvolutionalLSTM):
    """An LSTM with 1D convolutions in place of matrix products.

    ```yaml
    - ConvLSTM1D: {filters: 16, kernel_size: 3, padding: same}
    ```

    Takes (batch, time, steps, channels), gives (batch, new_steps, filters), or (batch, time,
    new_steps, filters) with `return_sequences`. With `return_state` it also gives its last states:
    `name.output`, `name.hidden`, `name.cell`.
    """

    channels_last_on_cpu = True
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)
    dilation_rate: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 3, 9, 2),)),
        Example(
            {"filters": 4, "kernel_size": 3, "padding": "same", "return_sequences": True},
            ((None, None, 9, 2),),
        ),
        Example(
            {"filters": 4, "kernel_size": 3}, {"sequences": (None, 3, 9, 2), "mask": (None, 3)}
        ),
    )


class ConvLSTM2D(ConvolutionalLSTM):
    """An LSTM with 2D convolutions in place of matrix products, e.g. for video.

    ```yaml
    - ConvLSTM2D: {filters: 16, kernel_size: 3, padding: same, return_sequences: true}
    ```

    Takes (batch, time, height, width, channels), gives (batch, new_height, new_width, filters), or
    (batch, time, new_height, new_width, filters) with `return_sequences`. With `return_state` it
    also gives its last states: `name.output`, `name.hidden` and `name.cell`. Source: Shi et al.
    2015, https://arxiv.org/abs/1506.04214.
    """

    channels_last_on_cpu = True
    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)
    dilation_rate: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 3, 6, 7, 2),)),
        Example(
            {
                "filters": 4,
                "kernel_size": 2,
                "strides": 2,
                "return_sequences": True,
                "return_state": True,
            },
            ((None, None, 6, 7, 2),),
        ),
        Example(
            {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((None, 3, 2, 6, 7),)
        ),
        Example(
            {"filters": 4, "kernel_size": 3, "padding": "same"},
            {"sequences": (None, 3, 6, 7, 2), "initial_state": ((None, 6, 7, 4), (None, 6, 7, 4))},
        ),
    )


class ConvLSTM3D(ConvolutionalLSTM):
    """An LSTM with 3D convolutions in place of matrix products.

    ```yaml
    - ConvLSTM3D: {filters: 8, kernel_size: 3, padding: same}
    ```

    Takes (batch, time, depth, height, width, channels), gives (batch, new_depth, new_height,
    new_width, filters), or all steps (with the time axis) with `return_sequences`. With
    `return_state` it also gives its last states: `name.output`, `name.hidden` and `name.cell`.
    """

    axes: ClassVar[int] = 3

    kernel_size: Window3D
    strides: Window3D = (1, 1, 1)
    dilation_rate: Window3D = (1, 1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 2, "kernel_size": 2}, ((None, 2, 4, 5, 3, 2),)),
        Example(
            {"filters": 2, "kernel_size": 2, "padding": "same", "return_state": True},
            ((None, 2, 4, 5, 3, 2),),
        ),
    )

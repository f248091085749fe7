"""Recurrent layers, which process a sequence step by step: SimpleRNN, GRU, LSTM."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import snake_case
from modelspec.core.settings import Unfit, refuse
from modelspec.core.shapes import Size, Tensor, add, known, mul, product, show

from .common import features, need_float, need_number, prefixed
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .mask_arguments import need_mask
from .saved import Saved, in_dtype
from .setting_types import Activation, Constraint, Count, Initializer, Rate, Regularizer, Seed


def _use_cudnn(value: Any) -> Any:
    if isinstance(value, bool) or value == "auto":
        return value
    raise Unfit("`auto`, `true` or `false`", code="MS205" if isinstance(value, str) else "MS204")


UseCudnn = Annotated[
    Any, PlainValidator(_use_cudnn, json_schema_input_type=Literal["auto", True, False])
]


def sequence_arguments(states: int) -> tuple[Argument, ...]:
    """The call arguments of a recurrent layer with this number of states."""
    return (
        Argument("sequences"),
        Argument("initial_state", required=False, many=True, least=states, most=states),
        Argument("mask", required=False),
    )


def check_sequences(layer: Layer, inputs: Inputs, state_sizes: tuple[int, ...]) -> None:
    """Raises if the mask or the initial states of a call do not match the sequences. Keras raises
    only when it runs.
    """
    x = inputs.one
    need_number(layer, x)
    if mask := inputs.tensor("mask"):
        need_mask(mask, x.shape[:2])
    states = inputs.list("initial_state")
    if states and len(states) != len(state_sizes):
        raise Fault(
            "MS310",
            f"`{layer.kind()}` has {len(state_sizes)} states, but {len(states)} initial states are "
            "given",
            argument="initial_state",
        )
    for state, size in zip(states, state_sizes, strict=False):
        need_state(layer, state, size, "initial_state")


def need_state(layer: Layer, state: Tensor, size: int, argument: str) -> None:
    """Raises MS403 unless the tensor has the shape of a state, (batch, `size`)."""
    if state.rank != 2 or (known(state.shape[-1]) or size) != size:
        raise Fault(
            "MS403",
            f"a state of `{layer.kind()}` has the shape (batch, {size}), found {show(state.shape)}",
            argument=argument,
            help=(
                f"use a state of a layer with the same `units`, or add a `Dense` of {size} units"
                " before"
            ),
        )


def refuse_orthogonal_bfloat16(layer: Layer, initializer: Any) -> None:
    """Raises if the recurrent kernel has an orthogonal initializer in bfloat16, which TensorFlow
    does not support.
    """
    name = initializer if isinstance(initializer, str) else initializer.kind()
    if layer.variable_dtype == "bfloat16" and name.lower().startswith("orthogonal"):
        refuse(
            f"`recurrent_initializer` of `{layer.kind()}` is `{name}`, which cannot be computed in"
            " bfloat16",
            "MS208",
            "recurrent_initializer",
            help="use `mixed_bfloat16`, or another initializer, e.g. `glorot_uniform`",
        )


class CellSettings(Layer):
    """One step of a recurrent layer: the settings that a layer and its cell share."""

    gates: ClassVar[int]
    """The number of gates: products with separate kernels in one step."""
    states: ClassVar[tuple[str, ...]] = ("hidden",)
    gated: ClassVar[str | None] = None
    """The state that a gate is applied to."""
    step_saves: ClassVar[int] = 2
    """The number of vectors of size `units` that are kept of each step."""

    units: Count
    activation: Activation | None = "tanh"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    # Keras silently clips both to 0..1.
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    seed: Seed | None = None

    @model_validator(mode="after")
    def _initializer_has_dtype(self) -> Self:
        refuse_orthogonal_bfloat16(self, self.recurrent_initializer)
        return self

    def state_sizes(self) -> tuple[int, ...]:
        return (self.units,) * len(self.states)

    def check_step(self, x: Tensor) -> None:
        """Raises MS404 if dropout cannot be applied to a step."""
        if 0 < self.dropout < 1:
            need_float(self, x, doing="drops from")

    def step_weights(self, size: Size) -> tuple[Weight, ...]:
        """The weights of the cell for steps of `size` features."""
        wide = self.gates * self.units
        kernels = (
            self.weight("kernel", size, wide),
            self.weight("recurrent_kernel", self.units, wide),
        )
        return (*kernels, self.weight("bias", *self.bias_shape())) if self.use_bias else kernels

    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def step_cost(self, size: Size) -> Size:
        """Multiply-adds of one step."""
        return mul(add(size, self.units), self.gates * self.units)

    def step_saved(self, x: Tensor) -> Saved:
        """The saved tensors of one step for `x`, (batch, features)."""
        states = self.result((x.shape[0], self.step_saves * self.units))
        dropped = (x,) if self.dropout else ()
        weights = [Tensor(one.shape, one.dtype) for one in self.step_weights(x.shape[-1])]
        own = (states, *dropped, *in_dtype(weights, self.compute_dtype))
        return Saved(own=own, own_for_weights=(x,), with_weights=True)


class SimpleRNNSettings(CellSettings):
    gates: ClassVar[int] = 1


class GRUSettings(CellSettings):
    gates: ClassVar[int] = 3
    step_saves: ClassVar[int] = 6
    gated: ClassVar[str | None] = "hidden"

    recurrent_activation: Activation | None = "sigmoid"
    reset_after: bool = True

    def bias_shape(self) -> tuple[int, ...]:
        # With the reset gate after the product, the product has a separate bias.
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def step_saved(self, x: Tensor) -> Saved:
        saved = super().step_saved(x)
        if self.reset_after:
            return saved
        # The kernel is split at every step, which makes copies.
        return saved.and_own(self.result((self.units, 3 * self.units)))


class LSTMSettings(CellSettings):
    gates: ClassVar[int] = 4
    step_saves: ClassVar[int] = 7
    states: ClassVar[tuple[str, ...]] = ("hidden", "cell")
    gated: ClassVar[str | None] = "cell"

    recurrent_activation: Activation | None = "sigmoid"
    unit_forget_bias: bool = True


class Recurrent(CellSettings):
    """Base of SimpleRNN, GRU and LSTM: the loop over a sequence."""

    supports_masking = True
    uses_mask_of = ("sequences",)

    activity_regularizer: Regularizer | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    """Whether the output of a masked step is zeros rather than the output of the step before.
    `Bidirectional` sets it automatically.
    """

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def output(self, inputs: Inputs) -> Outputs:
        x = inputs.one
        need_rank(self, x, 3, argument="sequences")
        features(x)
        self.check_step(x)
        check_sequences(self, inputs, self.state_sizes())
        check_stateful(self.stateful, x)
        steps = (x.shape[1],) if self.return_sequences else ()
        result = self.result((x.shape[0], *steps, self.units))
        if not self.return_state:
            return result
        return (result, *(self.result((x.shape[0], size)) for size in self.state_sizes()))

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", *self.states) if self.return_state else ()

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return prefixed(f"{snake_case(self.kind())}_cell", self.step_weights(inputs.one.shape[-1]))

    def multiply_adds(self, inputs: Inputs) -> Size:
        x = inputs.one
        return product((x.shape[1], self.step_cost(x.shape[-1])))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        return self.step_saved(x._replace(shape=(x.shape[0], x.shape[2]))).at_each(x.shape[1])


def check_stateful(stateful: bool, x: Tensor) -> None:
    """Raises MS405 if states are kept between batches and the batch size may change."""
    if stateful and known(x.shape[0]) is None:
        raise Fault(
            "MS405",
            f"`stateful` requires a fixed batch size, found {show(x.shape)}",
            ("stateful",),
            help="leave out `stateful`; pass states with `return_state` and `initial_state`",
        )


_EXAMPLES = (
    Example({"units": 4}, ((None, 6, 5),)),
    Example({"units": 4, "return_sequences": True}, ((None, None, 5),)),
    Example({"units": 4, "return_sequences": True, "return_state": True}, ((None, 6, 5),)),
    Example(
        {"units": 4, "return_state": True, "use_bias": False},
        {"sequences": (None, 6, 5), "mask": (None, 6)},
    ),
)


class SimpleRNN(SimpleRNNSettings, Recurrent):
    """A fully connected recurrent layer: each step takes the input and the previous output.

    ```yaml
    - SimpleRNN: 32
    - SimpleRNN: {units: 32, return_sequences: true}
    ```

    Takes (batch, time, features), gives (batch, units), or (batch, time, units) with
    `return_sequences`. With `return_state` it also gives its last state: `name.output` and
    `name.hidden`.
    """

    arguments: ClassVar[tuple[Argument, ...]] = sequence_arguments(1)

    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example({"units": 4}, {"sequences": (None, 6, 5), "initial_state": ((None, 4),)}),
    )


class Fused(Recurrent):
    """Base of GRU and LSTM, for which cuDNN has a kernel of the whole loop."""

    use_cudnn: UseCudnn = "auto"

    @model_validator(mode="after")
    def _cudnn_has_a_kernel(self) -> Self:
        needed: dict[str, Any] = {
            "activation": "tanh",
            "recurrent_activation": "sigmoid",
            "recurrent_dropout": 0,
            "use_bias": True,
            "unroll": False,
            "reset_after": True,
        }
        for setting, value in needed.items() if self.use_cudnn is True else ():
            if getattr(self, setting, value) != value:
                refuse(
                    f"cuDNN requires `{setting}: {str(value).lower()}`",
                    "MS208",
                    setting,
                    help="use `use_cudnn: auto`, which uses cuDNN only if the settings allow it",
                )
        return self

    @property
    def gpu_because(self) -> str | None:
        return "use_cudnn" if self.use_cudnn is True else None


class GRU(GRUSettings, Fused):
    """A gated recurrent unit, which learns which parts of its state to keep and which to replace.

    ```yaml
    - GRU: 32
    - GRU: {units: 32, return_sequences: true, dropout: 0.1}
    ```

    Takes (batch, time, features), gives (batch, units), or (batch, time, units) with
    `return_sequences`. With `return_state` it also gives its last state: `name.output` and
    `name.hidden`. From Cho et al., 2014, https://arxiv.org/abs/1406.1078.
    """

    arguments: ClassVar[tuple[Argument, ...]] = sequence_arguments(1)

    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example(
            {"units": 4, "reset_after": False},
            {"sequences": (None, 6, 5), "initial_state": ((None, 4),)},
        ),
    )


class LSTM(LSTMSettings, Fused):
    """A long short-term memory layer, which has a cell state in addition to its output.

    ```yaml
    - LSTM: 32
    - LSTM: {units: 32, return_sequences: true, return_state: true, name: encoder}
    ```

    Takes (batch, time, features), gives (batch, units), or (batch, time, units) with
    `return_sequences`. With `return_state` it also gives its last states: `name.output`,
    `name.hidden` and `name.cell`. From Hochreiter and Schmidhuber, 1997,
    https://www.bioinf.jku.at/publications/older/2604.pdf.
    """

    arguments: ClassVar[tuple[Argument, ...]] = sequence_arguments(2)

    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example({"units": 4}, {"sequences": (None, 6, 5), "initial_state": ((None, 4), (None, 4))}),
    )

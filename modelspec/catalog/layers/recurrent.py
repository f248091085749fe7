"""Recurrent layers, which read a sequence step by step: SimpleRNN, GRU, LSTM."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import snake_case
from modelspec.core.settings import Unfit, refuse
from modelspec.core.shapes import Size, Tensor, add, known, mul, product, show

from .common import features, need_float, need_number, prefixed
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .mask_arguments import need_mask
from .setting_types import Activation, Constraint, Count, Initializer, Rate, Regularizer, Seed


def _use_cudnn(value: Any) -> Any:
    if isinstance(value, bool) or value == "auto":
        return value
    raise Unfit("`auto`, `true` or `false`", code="MS205" if isinstance(value, str) else "MS204")


UseCudnn = Annotated[Any, PlainValidator(_use_cudnn, json_schema_input_type=Any)]


def sequence_arguments(states: int) -> tuple[Argument, ...]:
    """The call arguments of a recurrent layer that keeps so many states."""
    return (
        Argument("sequences"),
        Argument("initial_state", required=False, many=True, least=states, most=states),
        Argument("mask", required=False),
    )


def check_sequences(layer: Layer, inputs: Inputs, state_sizes: tuple[int, ...]) -> None:
    """Raises where the mask or the initial states of a call do not fit the sequences. Keras finds
    out when it runs.
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
    """Raises MS403 unless the tensor can be a state of `size` numbers."""
    if state.rank != 2 or (known(state.shape[-1]) or size) != size:
        raise Fault(
            "MS403",
            f"a state of `{layer.kind()}` has the shape (batch, {size}), found {show(state.shape)}",
            argument=argument,
            help=(
                f"take a state of a layer with the same `units`, or put a `Dense` of {size} units"
                " before"
            ),
        )


def refuse_orthogonal_bfloat16(layer: Layer, initializer: Any) -> None:
    """Raises where the recurrent kernel starts orthogonal in bfloat16: TensorFlow cannot compute
    that.
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
    """What one step of a recurrent layer is made of: the settings that a layer and its cell
    share.
    """

    gates: ClassVar[int]
    """How many products with a kernel of their own one step has."""
    states: ClassVar[tuple[str, ...]] = ("hidden",)
    gated: ClassVar[str | None] = None
    """The state that a gate multiplies."""

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
    # Keras clamps both to 0..1 without a word.
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
        """Raises MS404 where a step cannot be dropped from."""
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


class SimpleRNNSettings(CellSettings):
    gates: ClassVar[int] = 1


class GRUSettings(CellSettings):
    gates: ClassVar[int] = 3
    gated: ClassVar[str | None] = "hidden"

    recurrent_activation: Activation | None = "sigmoid"
    reset_after: bool = True

    def bias_shape(self) -> tuple[int, ...]:
        # With the reset gate after the product, the product has a bias of its own.
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)


class LSTMSettings(CellSettings):
    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("hidden", "cell")
    gated: ClassVar[str | None] = "cell"

    recurrent_activation: Activation | None = "sigmoid"
    unit_forget_bias: bool = True


class Recurrent(CellSettings):
    """What SimpleRNN, GRU and LSTM share: the way they go through a sequence."""

    supports_masking = True
    uses_mask_of = ("sequences",)

    activity_regularizer: Regularizer | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    """Whether the output of a masked step is zeros, rather than that of the step before. A
    `Bidirectional` around the layer decides it itself.
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


def check_stateful(stateful: bool, x: Tensor) -> None:
    """Raises MS405 where states are kept from batch to batch and the batch size may change."""
    if stateful and known(x.shape[0]) is None:
        raise Fault(
            "MS405",
            f"`stateful` needs a batch size that never changes, found {show(x.shape)}",
            ("stateful",),
            help="leave `stateful` out; pass states on with `return_state` and `initial_state`",
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
    """A fully connected recurrent layer: each step takes the input and the last output.

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


class GRU(GRUSettings, Recurrent):
    """A gated recurrent unit, which learns what to keep of its state and what to replace.

    ```yaml
    - GRU: 32
    - GRU: {units: 32, return_sequences: true, dropout: 0.1}
    ```

    Takes (batch, time, features), gives (batch, units), or (batch, time, units) with
    `return_sequences`. With `return_state` it also gives its last state: `name.output` and
    `name.hidden`. From Cho et al., 2014, https://arxiv.org/abs/1406.1078.
    """

    arguments: ClassVar[tuple[Argument, ...]] = sequence_arguments(1)

    use_cudnn: UseCudnn = "auto"

    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example(
            {"units": 4, "reset_after": False},
            {"sequences": (None, 6, 5), "initial_state": ((None, 4),)},
        ),
    )


class LSTM(LSTMSettings, Recurrent):
    """A long short-term memory, which carries a cell state beside its output.

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

    use_cudnn: UseCudnn = "auto"

    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example({"units": 4}, {"sequences": (None, 6, 5), "initial_state": ((None, 4), (None, 4))}),
    )

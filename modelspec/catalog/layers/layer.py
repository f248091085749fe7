"""The definition of a layer: its settings, and derived from them the shape rule, the weights and
the cost of a call.

A layer class is named as Keras names it and reads as a declaration: its docstring is the manual
page, its fields are Keras's settings, then `output` (the shape rule), `weights` and
`multiply_adds`. All three are pure: they get the types of the tensors of one call (`Inputs`) and
give types, or raise a `Fault` that knows settings and sizes but no files.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import compute_dtype, is_float, variable_dtype
from modelspec.core.records import dataclass
from modelspec.core.shapes import Shape, Size, Tensor, show

from .facts import Facts
from .saved import Saved, and_activation
from .setting_types import Policy

Outputs: TypeAlias = Tensor | tuple[Tensor, ...]


class Weight(NamedTuple):
    """One variable: its path relative to the layer (`kernel`, `query/kernel`), with Keras's names
    and order.
    """

    name: str
    shape: Shape
    trainable: bool = True
    dtype: str = "float32"


LOW_RANK = "lora_"
"""The prefix of the names of the two low-rank factors added to a weight (LoRA): `lora_kernel_a`."""


class Argument(NamedTuple):
    """A call argument that takes a tensor, or with `many` a list of `least` to `most` of them.

    `items` are names for the entries of the list, in its order (`query`, `value`, `key` of
    `Attention`).
    """

    name: str
    required: bool = True
    many: bool = False
    least: int = 1
    most: int | None = None
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """The tensors (their types) and the options of one call."""

    tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def one(self) -> Tensor:
        """The tensor of the first argument."""
        first = next(iter(self.tensors.values()))
        assert isinstance(first, Tensor)
        return first

    @property
    def many(self) -> tuple[Tensor, ...]:
        """The tensors of the first argument, which takes a list."""
        first = next(iter(self.tensors.values()))
        assert not isinstance(first, Tensor)
        return first

    def tensor(self, argument: str) -> Tensor | None:
        """The tensor of a named argument, or None if the call does not pass it."""
        found = self.tensors.get(argument)
        assert found is None or isinstance(found, Tensor)
        return found

    def list(self, argument: str) -> tuple[Tensor, ...]:
        """The tensors of a named argument that takes a list; empty if the call does not pass it."""
        found = self.tensors.get(argument, ())
        assert not isinstance(found, Tensor)
        return found

    def option(self, name: str, default: Any = None) -> Any:
        """A call argument that is not a tensor (`use_causal_mask`)."""
        return self.options.get(name, default)

    @staticmethod
    def of(*tensors: Tensor) -> "Inputs":
        """A call of a layer that takes one tensor (or, given several, a list)."""
        return Inputs({"inputs": tensors[0] if len(tensors) == 1 else tensors})


class Example(NamedTuple):
    """A valid call, for the contract test: it draws variations of its settings and shapes and
    compares with Keras.
    """

    settings: Mapping[str, Any]
    inputs: tuple[Shape, ...] | Mapping[str, Shape | tuple[Shape, ...]]
    """Shapes of the first argument (several: a list), or shapes by argument."""
    dtype: str = "float32"
    options: Mapping[str, Any] = {}


ONE = (Argument("inputs"),)
"""A layer that takes one tensor."""
NAMED = (Argument("any name"),)
"""A layer whose settings name its inputs: each instance has its own `arguments`."""


class Layer(Facts):
    """One Keras layer: the settings of its constructor and what follows from them."""

    keras_module: ClassVar[str] = "layers"
    common: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype")
    reserved: ClassVar[tuple[str, ...]] = ("from", "call", "when", "repeat")
    arguments: ClassVar[tuple[Argument, ...]] = ONE
    """The call arguments that take tensors, in Keras's order."""
    alone: ClassVar[bool] = False
    """Whether it can only be an entry of `layers`, not a layer inside another."""
    one_alone: ClassVar[bool] = False
    """Whether a call with one tensor passes the tensor itself, although the argument takes a list.
    """
    keeps_rank: ClassVar[bool] = False
    """Whether Keras fixes the number of axes at the first call, so that all calls of a shared layer
    must have the same rank.
    """
    not_in_models: ClassVar[str | None] = None
    """Why Keras cannot use the layer in a model; None if it can. It may still prepare data."""
    options: ClassVar[Mapping[str, type]] = {}
    """Call arguments other than tensors; every layer also takes `training: true|false`."""

    examples: ClassVar[tuple[Example, ...]] = ()
    """Valid calls, one for each use of the layer."""

    name: str | None = None
    """The name of the layer; by default Keras's, e.g. `dense` and `dense_1`."""
    trainable: bool = True
    """Whether training updates the weights."""
    dtype: Policy = None
    """The dtype policy, e.g. `mixed_float16`; by default that of `runtime.precision`."""

    def output(self, inputs: Inputs) -> Outputs:
        """The type of the call's result: one tensor, or a tuple of several. Raises `Fault`."""
        raise NotImplementedError

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        """All weights in Keras's order, for inputs that `output` accepts."""
        return ()

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Multiply-add operations for one example (batch axis as 1); elementwise work is not
        counted.
        """
        return 0

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        """The tensors, other than weights, that a training step keeps until the backward pass of a
        call with the outputs `made`. By default those of a layer that multiplies its inputs by its
        weights, or only moves them.
        """
        saved = Saved(
            for_weights=True, outputs=getattr(self, "activity_regularizer", None) is not None
        )
        return and_activation(saved, getattr(self, "activation", None), made[0])

    def settled(self, inputs: Inputs) -> "Layer":
        """The layer as passed to Keras: settings that follow from the sizes of a call are replaced
        by numbers.
        """
        return self

    def outside_training(self, given: Tensor, said: Tensor) -> Tensor:
        """The output outside of training of a call that gives `said` in training: for a layer that
        changes the size of its input in training only.
        """
        return said

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        """The output inside a `Pipeline` of a call that gives `said`: there Keras runs the layer on
        an unknown batch instead of its shape rule. Raises MS405 if that requires a known size.
        """
        return said

    def across_examples(self, inputs: Inputs) -> Fault | None:
        """For a layer that prepares data: MS668 if a call combines examples of a batch; None if the
        result of each example depends on that example alone.
        """
        return None

    def check_names(self, given: tuple[str, ...]) -> None:
        """For a layer that names its arguments: raises `Fault` if the call does not pass one of
        them.
        """

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Names of the outputs, if the call gives several named ones: `name.hidden`."""
        return ()

    def weight(self, name: str, *shape: Size, trainable: bool = True) -> Weight:
        """A weight in the layer's dtype, frozen if the layer is. Raises MS404 if the dtype cannot
        be trained.
        """
        dtype = self.variable_dtype
        if trainable and not is_float(dtype):
            raise Fault(
                "MS404",
                f"`{self.kind()}` cannot have weights of dtype {dtype}",
                ("dtype",),
                help="use a floating-point dtype, e.g. `float32`",
            )
        return Weight(name, shape, trainable and self.trainable, dtype)

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes and to which it casts floating-point inputs."""
        return compute_dtype(self.dtype)

    @property
    def variable_dtype(self) -> str:
        return variable_dtype(self.dtype)

    def cast(self, dtype: str) -> str:
        """The dtype of an input after Keras's autocast: floating point becomes the compute
        dtype.
        """
        return self.compute_dtype if is_float(dtype) else dtype

    def like(self, x: Tensor, shape: Shape | None = None) -> Tensor:
        """A result with the input's dtype (after autocast), and its shape unless one is given."""
        return Tensor(x.shape if shape is None else shape, self.cast(x.dtype))

    def result(self, shape: Shape) -> Tensor:
        """A result in the compute dtype."""
        return Tensor(shape, self.compute_dtype)


def need_rank(
    layer: Layer, x: Tensor, *ranks: int, at_least: int | None = None, argument: str | None = None
) -> None:
    """Raises MS401 unless the tensor has one of the ranks (batch axis included), or at least
    `at_least` axes.
    """
    if x.rank in ranks or (at_least is not None and x.rank >= at_least):
        return
    if at_least is not None:
        wanted = f"at least {at_least}"
    else:
        wanted = " or ".join(str(rank) for rank in ranks)
    raise Fault(
        "MS401",
        f"`{layer.kind()}` takes {wanted} axes (including the batch axis), "
        f"found {x.rank}: {show(x.shape)}",
        help=_rank_help(x.rank, ranks, at_least),
        argument=argument,
    )


def _rank_help(rank: int, ranks: tuple[int, ...], at_least: int | None) -> str:
    target = at_least if at_least is not None else min(ranks, key=lambda r: abs(r - rank))
    if rank < target:
        return (
            "add the missing axes with `Reshape`, or use the tensor before they were removed"
            " (`Flatten`, pooling, a recurrent layer without `return_sequences: true`)"
        )
    return "remove axes before it with `Flatten`, `Reshape` or a global pooling layer"

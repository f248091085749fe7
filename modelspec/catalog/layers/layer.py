"""What a layer is: settings, and from them the shape rule, the weights and the cost of a call.

A layer class is named as Keras names it and reads as a declaration: its docstring is the manual
page, its fields are Keras's settings, then `output` (the shape rule), `weights` and
`multiply_adds`. All three are pure: they get the types of the tensors of one call (`Inputs`) and
give types, or raise a `Fault` that knows settings and sizes but no files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import compute_dtype, is_float, variable_dtype
from modelspec.core.shapes import Shape, Size, Tensor, show

from .facts import Facts
from .setting_types import Policy

Outputs: TypeAlias = Tensor | tuple[Tensor, ...]


class Weight(NamedTuple):
    """One variable: its path below the layer (`kernel`, `query/kernel`), as Keras names and orders
    them.
    """

    name: str
    shape: Shape
    trainable: bool = True
    dtype: str = "float32"


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
        """The tensor of a named argument, or None where the call does not give it."""
        found = self.tensors.get(argument)
        assert found is None or isinstance(found, Tensor)
        return found

    def list(self, argument: str) -> tuple[Tensor, ...]:
        """The tensors of a named argument that takes a list; empty where the call does not give
        it.
        """
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
    """A call that works, for the contract test: it draws variations of its settings and shapes and
    asks Keras.
    """

    settings: Mapping[str, Any]
    inputs: tuple[Shape, ...] | Mapping[str, Shape | tuple[Shape, ...]]
    """Shapes of the first argument (several: a list), or shapes by argument."""
    dtype: str = "float32"
    options: Mapping[str, Any] = {}


ONE = (Argument("inputs"),)
"""A layer that takes one tensor."""
NAMED = (Argument("any name"),)
"""A layer whose own settings name what it takes: each instance has its `arguments`."""


class Layer(Facts):
    """One layer of Keras: the settings of its constructor and what follows from them."""

    keras_module: ClassVar[str] = "layers"
    common: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype")
    reserved: ClassVar[tuple[str, ...]] = ("from", "call", "when", "repeat")
    arguments: ClassVar[tuple[Argument, ...]] = ONE
    """The call arguments that take tensors, in Keras's order."""
    alone: ClassVar[bool] = False
    """Whether it is an entry only, and no layer inside another."""
    keeps_rank: ClassVar[bool] = False
    """Whether Keras fixes the number of axes at the first call, so that a shared one takes no
    others.
    """
    not_in_models: ClassVar[str | None] = None
    """Why Keras cannot put the layer into a model, where it cannot; it may still prepare data."""
    options: ClassVar[Mapping[str, type]] = {}
    """Call arguments that do not; every layer also takes `training: true|false`."""

    examples: ClassVar[tuple[Example, ...]] = ()
    """Calls that work, one for each way the layer is used."""

    name: str | None = None
    """The layer's name; unnamed layers are named as Keras does: `dense`, `dense_1`."""
    trainable: bool = True
    """Whether training changes the weights."""
    dtype: Policy = None
    """The dtype policy, e.g. `mixed_float16`; that of `runtime.precision` by default."""

    def output(self, inputs: Inputs) -> Outputs:
        """The type of the call's result: one tensor, or a tuple of several. Raises `Fault`."""
        raise NotImplementedError

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        """Every weight in Keras's order, for inputs that `output` accepts."""
        return ()

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Multiply-add operations for one example (batch axis as 1); elementwise work is not
        counted.
        """
        return 0

    def settled(self, inputs: Inputs) -> "Layer":
        """The layer as Keras takes it, with numbers in place of settings that follow from the sizes
        of a call.
        """
        return self

    def outside_training(self, given: Tensor, said: Tensor) -> Tensor:
        """What a call that gives `said` in training gives outside of it: for a layer that changes
        the size of its input in training only.
        """
        return said

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        """What a call that gives `said` gives inside a `Pipeline`, where Keras runs the layer on an
        unknown batch and does not ask what it says. Raises MS405 where it must know a size for it.
        """
        return said

    def across_examples(self, inputs: Inputs) -> Fault | None:
        """For a layer that prepares data: MS668 where a call computes of one example with others of
        its batch; None where each example has its result for itself.
        """
        return None

    def check_names(self, given: tuple[str, ...]) -> None:
        """For a layer that names its arguments: raises `Fault` where it names one that a call does
        not give.
        """

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Names of the outputs where the call gives several that have one: `name.hidden`."""
        return ()

    def weight(self, name: str, *shape: Size, trainable: bool = True) -> Weight:
        """A weight of the layer's own dtype, frozen where the layer is. Raises MS404 where that
        cannot be trained.
        """
        dtype = self.variable_dtype
        if trainable and not is_float(dtype):
            raise Fault(
                "MS404",
                f"`{self.kind()}` cannot keep its weights in {dtype}",
                ("dtype",),
                help="use a floating-point dtype, e.g. `float32`",
            )
        return Weight(name, shape, trainable and self.trainable, dtype)

    @property
    def compute_dtype(self) -> str:
        """What the layer computes in, and casts floating-point inputs to."""
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
        """A result with the input's dtype (after autocast), and its shape unless another is
        given.
        """
        return Tensor(x.shape if shape is None else shape, self.cast(x.dtype))

    def result(self, shape: Shape) -> Tensor:
        """A result in the compute dtype."""
        return Tensor(shape, self.compute_dtype)


def need_rank(
    layer: Layer, x: Tensor, *ranks: int, at_least: int | None = None, argument: str | None = None
) -> None:
    """Raises MS401 unless the tensor has one of the ranks (batch axis counted), or at least so many
    axes.
    """
    if x.rank in ranks or (at_least is not None and x.rank >= at_least):
        return
    if at_least is not None:
        wanted = f"at least {at_least}"
    else:
        wanted = " or ".join(str(rank) for rank in ranks)
    raise Fault(
        "MS401",
        f"`{layer.kind()}` takes {wanted} axes (the batch axis counted), "
        f"found {x.rank}: {show(x.shape)}",
        help=_rank_help(x.rank, ranks, at_least),
        argument=argument,
    )


def _rank_help(rank: int, ranks: tuple[int, ...], at_least: int | None) -> str:
    target = at_least if at_least is not None else min(ranks, key=lambda r: abs(r - rank))
    if rank < target:
        return (
            "add the missing axes with `Reshape`, or take the tensor before they were removed"
            " (`Flatten`, pooling, a recurrent layer without `return_sequences: true`)"
        )
    return "remove axes before it with `Flatten`, `Reshape` or a global pooling layer"

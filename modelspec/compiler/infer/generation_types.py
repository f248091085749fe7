"""The `generate` section with the types of its formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from modelspec.catalog.formula.elementwise import BATCH
from modelspec.catalog.formula.operands import Operand
from modelspec.catalog.formula.tree import Call, Node, walk
from modelspec.catalog.formula.type_inference import Inference
from modelspec.core.diagnostics import Fault
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.shapes import Shape, Size, Tensor

from ..graph import Ref
from ..spec.generate_section import Generation, NamedFormula
from .objective_terms import RANDOM
from .typed_graph import TypedGraph


class Draw(NamedTuple):
    """A call of a random function."""

    node: Call
    shape: tuple[int, ...]
    """Of one example."""


@dataclass(frozen=True)
class TypedFormula:
    """A formula with the types of its operations."""

    named: NamedFormula
    result: Operand
    dtypes: Mapping[int, str]
    """The dtype of every operation, by the `id` of its node."""
    batch: Size
    """The number of examples, where an input fixes it."""
    draws: tuple[Draw, ...] = ()

    @property
    def shape(self) -> Shape:
        """The shape of the result; its first axis is the batch if it has one value per example."""
        return self.result.shape if isinstance(self.result, Tensor) else ()

    @property
    def is_per_example(self) -> bool:
        """Whether the result has a value for each example; otherwise it is the same for all."""
        return bool(self.shape) and self.shape[0] in (BATCH, self.batch or BATCH)


@dataclass(frozen=True)
class TypedGeneration:
    """A `generate` section whose names exist and whose types fit."""

    generation: Generation
    states: Mapping[str, Tensor]
    given: Mapping[str, Ref]
    """By key of `inputs`: the tensor of the model that it replaces."""
    tensors: Mapping[str, Ref]
    """By name in formulas: the tensors of the model that are read."""
    early: tuple[TypedFormula, ...] = ()
    """The values that are computed before the model."""
    late: tuple[TypedFormula, ...] = ()
    """The values that depend on the model."""
    inputs: Mapping[str, TypedFormula] = field(default_factory=dict)
    updates: Mapping[str, TypedFormula] = field(default_factory=dict)
    results: Mapping[str, TypedFormula] = field(default_factory=dict)
    from_rows: tuple[str, ...] = ()
    """The inputs of the model whose values are those of rows of the data."""


def draws_of(run: Inference, root: Node) -> Iterator[Draw]:
    """The random calls of a formula, in the order of the text. Raises `Fault`."""
    calls = [one for one in walk(root) if isinstance(one, Call) and one.function in RANDOM]
    for node in sorted(calls, key=lambda one: one.place):
        shape = run.shapes[id(node)]
        if not shape or shape[0] not in (BATCH, run.batch):
            raise Fault(
                "MS425",
                f"`{node.function}` takes a tensor with a value for each example",
                part=node.place,
                help="name a state: `random_normal(x)`",
            )
        sizes = tuple(size for size in shape[1:] if isinstance(size, int))
        if len(sizes) < len(shape) - 1:
            raise Fault(
                "MS426",
                f"the shape of `{node.function}` is unknown",
                part=node.place,
                help="name a tensor of known sizes",
            )
        yield Draw(node, sizes)


def inputs_from_rows(
    generation: Generation,
    typed: TypedGraph,
    tensors: Mapping[str, Ref],
    given: Mapping[str, Ref | None],
) -> tuple[str, ...]:
    """The inputs of the model that the read tensors depend on, and that are not replaced."""
    replaced = {ref.producer for ref in given.values() if ref is not None}
    queue = [ref.producer for ref in tensors.values()]
    reached: set[str] = set()
    while queue:
        name = queue.pop()
        if name in reached or name in replaced:
            continue
        reached.add(name)
        call = typed.by_name.get(name)
        if call is not None:
            queue.extend(ref.producer for ref in call.call.refs())
    states = (state.initial.input for state in generation.states.values())
    wanted = {*reached, *(name for name in states if name is not None)}
    return tuple(name for name in typed.inputs if name in wanted)

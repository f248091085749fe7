"""Infers the type of every step of a formula, without a framework."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from modelspec.core.diagnostics import Fault
from modelspec.core.records import dataclass
from modelspec.core.shapes import Shape, Size, Tensor, may_equal, plus, show

from .across_batch import Operation, joins_examples, takes_examples
from .elementwise import BATCH, Arguments
from .function_table import FUNCTIONS, SIGNS
from .indexing import index
from .operands import DTYPES, Operand
from .results import results_of
from .tree import Call, Constant, Formula, Index, Name, Node, Result, listed

_BATCH = re.compile(rf"\b{BATCH}\b")
_ASIDE = "batch_"


@dataclass(frozen=True)
class Inferred:
    """The types inferred for a formula on tensors of certain types."""

    result: Tensor
    multiply_adds: Size
    """For one example."""
    dtypes: Mapping[int, str] = field(repr=False)
    """The dtype of every operation, by the `id` of its node."""
    across: tuple[Operation, ...] = field(default=(), repr=False)
    """The operations that combine several examples, the innermost first."""


def infer(
    formula: Formula, tensors: Mapping[str, Tensor], constants: Mapping[str, Tensor] | None = None
) -> Inferred:
    """The types of a formula on tensors with a batch axis, which the result must keep, and on
    `constants` without one.

    Raises `Fault` with the part of the text at fault: MS401, MS403, MS404, MS406, MS407, MS409,
    MS143, MS145.
    """
    run = inference(formula, tensors, constants or {})
    found = run.operand(formula.root)
    assert isinstance(found, Tensor)  # a formula names a tensor, so its result is a tensor
    batch = run.batch
    if not found.rank or found.shape[0] != (BATCH if batch is None else batch):
        raise Fault(
            "MS401",
            f"the result has no batch axis: {_shown(found.shape, batch)}",
            part=formula.root.place,
            help=(
                "keep the batch axis first: reduce and index axes from 1 on, and begin `reshape`"
                " with -1"
            ),
        )
    shape = (batch, *(_without_batch(size) for size in found.shape[1:]))
    cost = _for_one_example(run.cost, batch)
    return Inferred(Tensor(shape, found.dtype), cost, run.dtypes, tuple(run.across))


def inference(
    formula: Formula, tensors: Mapping[str, Tensor], constants: Mapping[str, Tensor]
) -> Inference:
    """The state of the inference of a formula. Raises MS401 and MS403 for a tensor without a batch
    axis, or with a different batch size.
    """
    named = {name: _named(name, x) for name, x in tensors.items()}
    batch = _batch_size([one for one in formula.names if one.name not in constants], tensors)
    return Inference({**named, **constants}, batch)


def _shown(shape: Shape, batch: Size) -> str:
    if not shape:
        return "it is a single number"
    if shape[0] is None and batch is None:  # `show` would call it the batch
        return f"it has another number of examples, {show(('unknown', *shape[1:]))}"
    return show(shape)


def _named(name: str, x: Tensor) -> Tensor:
    """The tensor with a unique name as its batch size."""
    others = tuple(
        _BATCH.sub(_ASIDE, size) if isinstance(size, str) else size for size in x.shape[1:]
    )
    return Tensor(
        (BATCH if x.shape[:1] == (None,) else x.shape[0], *others) if x.rank else (), x.dtype
    )


def _batch_size(names: Iterable[Name], tensors: Mapping[str, Tensor]) -> Size:
    """The size of the batch: None, or the number that an input fixes it to."""
    size: Size = None
    for one in names:
        x = tensors[one.name]
        if not x.rank:
            raise Fault("MS401", f"`{one.name}` has no batch axis: {show(x.shape)}", part=one.place)
        if not may_equal(size, x.shape[0]):
            raise Fault(
                "MS403",
                f"`{one.name}` has a batch size of {x.shape[0]}, another tensor has {size}",
                part=one.place,
            )
        size = x.shape[0] if size is None else size
    return size


def _without_batch(size: Size) -> Size:
    """The size, or unknown if it contains the batch size."""
    if not isinstance(size, str):
        return size
    return None if _BATCH.search(size) else size.replace(_ASIDE, BATCH)


def _for_one_example(cost: Size, batch: Size) -> Size:
    if isinstance(cost, int):
        return cost // batch if isinstance(batch, int) and batch else cost
    if cost is None:
        return None
    text = re.sub(rf"^{BATCH} \* (\d+)$", r"\1", cost)
    return int(text) if text.isdecimal() else _without_batch(text)


class Inference:
    """Infers one formula. `batch` is the number of examples, where it is fixed."""

    def __init__(self, tensors: Mapping[str, Tensor], batch: Size) -> None:
        self.batch = batch
        fixed = {} if batch is None else {BATCH: batch}
        self.tensors = {
            name: x._replace(
                shape=tuple(
                    fixed.get(size, size) if isinstance(size, str) else size for size in x.shape
                )
            )
            for name, x in tensors.items()
        }
        self.dtypes: dict[int, str] = {}
        self.shapes: dict[int, Shape] = {}
        self.across: list[Operation] = []
        self.cost: Size = 0

    def operand(self, node: Node) -> Operand:
        if isinstance(node, Constant):
            return node
        found = self._tensor(node)
        self.dtypes[id(node)] = found.dtype
        self.shapes[id(node)] = found.shape
        return found

    def _tensor(self, node: Node) -> Tensor:
        if isinstance(node, Name):
            return self._name(node)
        try:
            if isinstance(node, Index):
                value = self.operand(node.value)
                assert isinstance(value, Tensor)
                if takes_examples(value, node.items):
                    self.across.append(node)
                return index(value, node.items, node.item_places)
            if isinstance(node, Result):
                return self._results(node.value)[node.position]
            assert isinstance(node, Call)
            found = self._call(node)
            assert isinstance(found, Tensor)  # the parser requires an index for several results
            return found
        except Fault as fault:
            raise _placed(fault, node) from None

    def _name(self, node: Name) -> Tensor:
        x = self.tensors[node.name]
        if x.dtype not in DTYPES:
            raise Fault(
                "MS404",
                f"formulas do not support {x.dtype}, the dtype of `{node.name}`",
                part=node.place,
                help=(
                    "use a different `dtype` for the input, e.g. `int64`"
                    if x.dtype == "uint64"
                    else (
                        "convert it to numbers first, with `StringLookup`, `TextVectorization` or"
                        " `Hashing`"
                    )
                ),
            )
        return x

    def _results(self, node: Call) -> tuple[Tensor, ...]:
        """The types of the results of a function that has several."""
        try:
            found = self._call(node)
        except Fault as fault:
            raise _placed(fault, node) from None
        assert not isinstance(found, Tensor)
        return found

    def _argument(self, value: Node | tuple[Node, ...]) -> Operand | tuple[Operand, ...]:
        """The type of an argument, or of each of several."""
        if isinstance(value, Call) and results_of(value):
            return self._results(value)
        operands = tuple(self.operand(one) for one in listed(value))
        return operands if value is not listed(value)[0] else operands[0]

    def _call(self, node: Call) -> Tensor | tuple[Tensor, ...]:
        function = FUNCTIONS[node.function]
        given = {name: self._argument(value) for name, value in node.tensors.items()}
        call = Arguments(
            SIGNS.get(node.function, node.function) if node.sign else node.function,
            given,
            node.settings,
        )
        found = function.rule(call)
        if function.cost is not None:
            self.cost = plus(self.cost, function.cost(call))
        first = found if isinstance(found, Tensor) else found[0]
        if joins_examples(call._replace(function=node.function), first):
            self.across.append(node)
        return found


def _placed(fault: Fault, node: Node) -> Fault:
    """The fault at its part of the text."""
    if fault.part is not None:
        return fault
    places = node.places if isinstance(node, Call) else {}
    part = next((places[str(step)] for step in fault.path if step in places), node.place)
    return replace(fault, path=(), part=part)

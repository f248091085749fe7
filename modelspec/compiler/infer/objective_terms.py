"""The terms of `training.objective`, resolved: the tensors of the model and the targets that each
reads, and the type of its result.

The batch is an axis like any other here: a term may compare every example with every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from modelspec.catalog.formula.elementwise import BATCH
from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.catalog.formula.operands import Operand
from modelspec.catalog.formula.tree import Call, Name, Node, children, listed, walk
from modelspec.catalog.formula.type_inference import inference
from modelspec.core.diagnostics import Collector, Fault
from modelspec.core.records import dataclass
from modelspec.core.sections import located
from modelspec.core.shapes import Shape, Tensor, show

from ..graph import Ref, symbol_faults
from ..graph.symbols import TensorName, output_index
from ..spec.objective_section import Term
from .typed_graph import TypedCall, TypedGraph

_HALF: Final = ("float16", "bfloat16")


@dataclass(frozen=True)
class ResolvedTerm:
    """A term, and what the names in its formula refer to."""

    term: Term
    tensors: Mapping[str, Ref]
    targets: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.term.name


@dataclass(frozen=True)
class TermType:
    """The types that were inferred for a term."""

    per_example: bool
    """Whether it has a value for each example; otherwise it is one number for the batch."""
    mixes_examples: bool
    """Whether an example influences the value of another."""
    dtypes: Mapping[int, str]
    """The dtype of every operation, by the `id` of its node."""


# References --------------------------------------------------------------------------------------


def resolved_terms(
    typed: TypedGraph, terms: Mapping[str, Term], report: Collector | None = None
) -> tuple[ResolvedTerm, ...]:
    """The terms whose references exist; the others are reported."""
    found = (_resolved(typed, one, report or Collector()) for one in terms.values())
    return tuple(one for one in found if one is not None)


def _resolved(typed: TypedGraph, term: Term, report: Collector) -> ResolvedTerm | None:
    targets = term.targets
    known = [*typed.graph.input_names, *(call.name for call in typed.graph.calls)]
    tensors: dict[str, Ref] = {}
    for name, reference in term.references.items():
        if name in targets:
            continue
        parsed = TensorName.parse(reference.text)
        if parsed.producer not in known:
            report.add(symbol_faults.undefined(parsed, reference.span, known, None))
            return None
        ref = Ref(parsed.producer, parsed.output, reference.span)
        fault = _misnamed(ref, typed)
        if fault is not None:
            report.report(fault, reference.span)
            return None
        tensors[name] = ref
    for fault in _misused_gradients(term, tensors):
        report.add(located(fault.under("formula"), term.node, term.span))
        return None
    return ResolvedTerm(term, tensors, targets)


def _misnamed(ref: Ref, typed: TypedGraph) -> Fault | None:
    """MS305 or MS312, if a reference does not select one output of its producer."""
    call = typed.by_name.get(ref.producer)
    if call is None:  # an input, or a call with errors
        is_input = ref.producer in typed.graph.input_names
        if is_input and ref.output not in (None, "0"):
            return symbol_faults.no_output(ref.producer, str(ref.output), (), ())
        return None
    count = len(call.outputs)
    choices = (*call.output_names, *map(str, range(count)))
    if ref.output is None and count > 1:
        shown = [f"{ref.producer}.{one}" for one in choices]
        return symbol_faults.several_outputs(
            f"`{ref.producer}`", count, "a term", shown, suggestion=shown[0]
        )
    if ref.output is not None and output_index(ref.output, call.output_names, count) is None:
        return symbol_faults.no_output(ref.producer, ref.output, choices, choices)
    return None


def _misused_gradients(term: Term, tensors: Mapping[str, Ref]) -> Iterator[Fault]:
    """MS844 for every `gradient` with respect to something other than a tensor of the model."""
    for node in walk(term.formula.root):
        if isinstance(node, Call) and node.function == "gradient":
            x = listed(node.tensors["x"])[0]
            if not isinstance(x, Name) or x.name not in tensors:
                yield Fault(
                    "MS844",
                    "`gradient(y, x)` requires a tensor of the model for `x`, found"
                    f" `{term.formula.text[slice(*x.place)]}`",
                    part=x.place,
                    help="write the name of an input or of a layer",
                )


def type_of(ref: Ref, typed: TypedGraph) -> Tensor | None:
    """The type of a tensor; None if its call has errors."""
    if ref.producer in typed.inputs:
        return typed.inputs[ref.producer]
    call = typed.by_name.get(ref.producer)
    if call is None:
        return None
    if ref.output is None:
        return call.outputs[0]
    place = output_index(ref.output, call.output_names, len(call.outputs))
    return None if place is None else call.outputs[place]


def unreached(typed: TypedGraph, ref: Ref) -> TypedCall | None:
    """The first call with weights before a tensor that no output of the model depends on; None
    where calls have errors, which may be the ones between.
    """
    if not typed.is_whole:
        return None
    alive = {one.name for one in typed.alive}
    shared = {one.shared for one in typed.alive if one.shared}
    queue, seen = [ref.producer], set[str]()
    for name in queue:
        call = typed.by_name.get(name)
        if call is None or name in alive or name in seen:
            continue
        seen.add(name)
        if call.weights and call.shared not in shared:
            return call
        queue.extend(one.producer for one in call.call.refs())
    return None


def reached_calls(typed: TypedGraph, terms: Iterable[ResolvedTerm]) -> frozenset[str]:
    """The calls that some terms depend on."""
    queue = [ref.producer for one in terms for ref in one.tensors.values()]
    found: set[str] = set()
    while queue:
        name = queue.pop()
        call = typed.by_name.get(name)
        if call is not None and name not in found:
            found.add(name)
            queue.extend(ref.producer for ref in call.call.refs())
    return frozenset(found)


# Types -------------------------------------------------------------------------------------------


def in_single(tensor: Tensor) -> Tensor:
    """The type in which a term computes with a tensor: half precision becomes float32."""
    return tensor._replace(dtype="float32") if tensor.dtype in _HALF else tensor


def term_type(term: Term, types: Mapping[str, Tensor]) -> TermType:
    """The type of a term on tensors of these types, by name in the formula.

    Raises `Fault` with the part of the formula at fault: MS840 for a result with other axes than
    the batch, and the faults of formulas.
    """
    single = {name: in_single(one) for name, one in types.items()}
    run = inference(term.formula, single, {})
    found = run.operand(term.formula.root)
    shape = _shape(found)
    batch = BATCH if run.batch is None else run.batch
    others = [size for size in shape[1:] if size != 1]  # as the output of a `Dense` with one unit
    if others or (shape and shape[0] not in (batch, None)):
        raise Fault(
            "MS840",
            f"a term must have one value for each example or for the batch, found {show(shape)}",
            part=term.formula.root.place,
            help="reduce the other axes: `mean(x, axis=-1)`, or `mean(x)` for one number",
        )
    return TermType(bool(shape), bool(run.across), run.dtypes)


def _shape(found: Operand) -> Shape:
    return found.shape if isinstance(found, Tensor) else ()


def gradient_depth(node: Node) -> int:
    """How deeply calls of `gradient` are nested in a formula."""
    inner = max((gradient_depth(one) for one in children(node)), default=0)
    return inner + (isinstance(node, Call) and node.function == "gradient")


def draws(node: Node) -> tuple[Call, ...]:
    """The calls that draw random numbers, in the order of the formula."""
    found = [one for one in walk(node) if isinstance(one, Call) and one.function in RANDOM]
    return tuple(sorted(found, key=lambda one: one.place))


RANDOM: Final = tuple(name for name in FUNCTIONS if name.startswith("random_"))

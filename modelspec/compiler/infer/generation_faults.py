"""What does not fit in a `generate` section: references to the model, and types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias

from modelspec.catalog.formula.elementwise import BATCH
from modelspec.catalog.formula.formula_setting import check_names
from modelspec.catalog.formula.operands import Operand
from modelspec.core.diagnostics import Fault, Span, did_you_mean, listed, nearest
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor, may_equal, show

from ..graph import Ref, symbol_faults
from ..graph.symbols import TensorName, output_index
from ..spec.generate_section import PLACE_NAMES, Generation, NamedFormula
from .typed_graph import TypedGraph

UnfitType: TypeAlias = Callable[[], Fault | None]
_MOST_SHOWN = 8


def is_tensor_of(typed: TypedGraph, name: str) -> bool:
    """Whether an input or a call of the model has this name."""
    return name in typed.graph.input_names or any(one.name == name for one in typed.graph.calls)


def misnamed(typed: TypedGraph, name: str, seen: Collection[str]) -> Fault | None:
    """The fault of the name of a state or a value; None if it can be used. `seen` are the names of
    others.
    """
    if not name.isidentifier() or name in PLACE_NAMES:
        why = "is the place in the loop" if name in PLACE_NAMES else "cannot be used in formulas"
        help = "use letters, digits and `_`, and begin with a letter"
        return Fault(
            "MS422",
            f"the name `{name[:40]}` {why}",
            help=None if name in PLACE_NAMES else help,
        )
    if name in seen:
        return Fault("MS422", f"`{name}` is both in `initial` and in `values`")
    if is_tensor_of(typed, name):
        return Fault(
            "MS422",
            f"`{name}` is a tensor of the model, so formulas cannot use the name for another one",
            help="choose another name",
        )
    return None


def unknown_names(one: Generation, typed: TypedGraph) -> Iterator[tuple[NamedFormula, Fault]]:
    """The formulas of `inputs` with a name that is none of the section, nor of the model."""
    own = (*one.states, *one.values, *PLACE_NAMES)
    every = (*own, *typed.graph.input_names, *(call.name for call in typed.layers))
    for formula in one.inputs.values():
        names = [name.name for name in formula.formula.names if name.name not in own]
        of_model = [name for name in names if is_tensor_of(typed, name.partition(".")[0])]
        try:
            check_names(formula.formula, (*every, *of_model))
        except Fault as fault:
            yield formula, fault


def undefined_tensor(typed: TypedGraph, text: str, span: Span) -> Ref | Fault:
    """The tensor of the model with a name, or the fault that it does not exist."""
    parsed = TensorName.parse(text)
    known = [*typed.graph.input_names, *(one.name for one in typed.graph.calls)]
    if parsed.producer not in known:
        near = nearest(parsed.producer, known)
        shown = listed(known[:_MOST_SHOWN])
        return Fault(
            "MS302",
            f"unknown tensor `{parsed.producer}`",
            at_key=True,
            suggestion=near,
            help=did_you_mean(near, f"the model has {shown}"),
        )
    call = typed.by_name.get(parsed.producer)
    if call is None:  # an input, or a call with errors
        is_input = parsed.producer in typed.graph.input_names
        if is_input and parsed.output not in (None, "0"):
            return symbol_faults.no_output(parsed.producer, str(parsed.output), (), ())
        return Ref(parsed.producer, parsed.output, span)
    count = len(call.outputs)
    choices = (*call.output_names, *map(str, range(count)))
    if parsed.output is None and count > 1:
        shown_outputs = [f"{parsed.producer}.{one}" for one in choices]
        return symbol_faults.several_outputs(
            f"`{parsed.producer}`", count, "`generate`", shown_outputs
        )
    if parsed.output is not None and output_index(parsed.output, call.output_names, count) is None:
        return symbol_faults.no_output(parsed.producer, parsed.output, choices, choices)
    return Ref(parsed.producer, parsed.output, span)


# Types --------------------------------------------------------------------------------------------


def check_given(found: Operand, wanted: Tensor, named: NamedFormula) -> Fault | None:
    """MS424 if a formula does not have the type of the tensor that it replaces."""
    return _unfit(found, wanted, f"`{named.name}` of the model", named)


def check_update(found: Operand, state: Tensor, named: NamedFormula) -> Fault | None:
    """MS424 if an update does not have the type of its state."""
    return _unfit(found, state, f"the state `{named.name}`", named)


def _unfit(found: Operand, wanted: Tensor, what: str, named: NamedFormula) -> Fault | None:
    if isinstance(found, Tensor) and found.rank and not _same_shape(found, wanted):
        return Fault(
            "MS424",
            f"{what} has the shape {show(wanted.shape)}, but the formula gives {_shown(found)}",
            part=named.formula.root.place,
            help="reshape the result, or change the shape in `initial`",
        )
    dtype = found.dtype if isinstance(found, Tensor) else _dtype(found.value)
    if is_float(dtype) and not is_float(wanted.dtype):
        return Fault(
            "MS424",
            f"{what} has the dtype {wanted.dtype}, but the formula gives {dtype}",
            part=named.formula.root.place,
            help=f"cast it: `cast(x, '{wanted.dtype}')`",
        )
    return None


def _dtype(value: float) -> str:
    return "float32" if isinstance(value, float) else "int32"


def _same_shape(found: Tensor, wanted: Tensor) -> bool:
    """Whether a result fits; sizes of 1 are not broadcast, because most often they are mistakes."""
    if found.rank != wanted.rank or found.shape[0] not in (BATCH, wanted.shape[0]):
        return False
    pairs = zip(found.shape[1:], wanted.shape[1:], strict=True)
    return all(may_equal(a, b) for a, b in pairs)


def per_example(named: NamedFormula, *, given: bool) -> Fault | None:
    """MS424 unless a result has a value for each example, which is `given`."""
    if given:
        return None
    return Fault(
        "MS424",
        "a result must have a value for each example, but this one is the same for all",
        part=named.formula.root.place,
        help="name a state, or a tensor of the model",
    )


def _shown(found: Tensor) -> str:
    sizes = tuple(
        None if at == 0 and size == BATCH else size for at, size in enumerate(found.shape)
    )
    return show(sizes)

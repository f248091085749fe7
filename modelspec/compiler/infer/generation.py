"""Infers the types of the `generate` section: the shape and dtype of the result of each formula.

A formula reads states, values, `step`, `steps`, and tensors of the model by their names. The
tensors under `inputs` replace those of the model with these names, so only the layers between them
and the tensors that formulas read are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from modelspec.catalog.formula.formula_setting import check_names
from modelspec.catalog.formula.tree import Call, Name, walk
from modelspec.catalog.formula.type_inference import inference
from modelspec.core.diagnostics import Collector, Fault
from modelspec.core.sections import located
from modelspec.core.shapes import Shape, Tensor

from ..graph import Ref
from ..spec.generate_section import PLACE_NAMES, Generation, NamedFormula, State
from .generation_faults import (
    UnfitType,
    check_given,
    check_update,
    is_tensor_of,
    misnamed,
    per_example,
    undefined_tensor,
    unknown_names,
)
from .generation_types import TypedFormula, TypedGeneration, draws_of, inputs_from_rows
from .objective_terms import in_single, type_of
from .typed_graph import TypedGraph

_PLACE: Final = Tensor((), "int32")


def typed_generation(
    generation: Generation, typed: TypedGraph, report: Collector
) -> TypedGeneration | None:
    """The section with types; None where it has errors, which are reported, or where a layer that
    it reads has errors.
    """
    return _Typing(generation, typed, report).whole()


class _Unknown(Exception):
    """The type of a tensor is unknown, because its layer has errors."""


class _Typing:
    """Infers one section."""

    def __init__(self, generation: Generation, typed: TypedGraph, report: Collector) -> None:
        self.generation, self.typed, self.report = generation, typed, report
        self.ok = True
        self.states: dict[str, Tensor] = {}
        self.constants: dict[str, Tensor] = dict.fromkeys(PLACE_NAMES, _PLACE)
        self.tensors: dict[str, Ref] = {}
        self.values: dict[str, Tensor] = {}
        self.late: set[str] = set()

    def whole(self) -> TypedGeneration | None:
        one = self.generation
        if not self._names():
            return None
        try:
            given = {name: self._given(formula) for name, formula in one.inputs.items()}
            if not self._states(given):
                return None
            values = [self._value(value) for value in one.values.values()]
            inputs = {name: self._input(each, given) for name, each in one.inputs.items()}
            updates = {name: self._update(each) for name, each in one.updates.items()}
            results = {name: self._result(each) for name, each in one.results.items()}
        except _Unknown:
            return None
        return self._made(given, values, inputs, updates, results) if self.ok else None

    def _made(
        self,
        given: Mapping[str, Ref | None],
        values: list[TypedFormula | None],
        inputs: Mapping[str, TypedFormula | None],
        updates: Mapping[str, TypedFormula | None],
        results: Mapping[str, TypedFormula | None],
    ) -> TypedGeneration:
        """The section, which has no errors."""
        one = self.generation
        kept = [value for value in values if value is not None]
        return TypedGeneration(
            one,
            self.states,
            {name: ref for name, ref in given.items() if ref is not None},
            self.tensors,
            tuple(each for each in kept if each.named.name not in self.late),
            tuple(each for each in kept if each.named.name in self.late),
            {name: each for name, each in inputs.items() if each is not None},
            {name: each for name, each in updates.items() if each is not None},
            {name: each for name, each in results.items() if each is not None},
            inputs_from_rows(one, self.typed, self.tensors, given),
        )

    # Names ----------------------------------------------------------------------------------------

    def _names(self) -> bool:
        """Whether the names of states and values are free and can be written in formulas."""
        one, seen = self.generation, set[str]()
        every: list[State | NamedFormula] = [*one.states.values(), *one.values.values()]
        for named in every:
            fault = misnamed(self.typed, named.name, seen)
            seen.add(named.name)
            if fault is not None:
                self.ok = False
                self.report.report(fault, named.span)
        unknown = [name for name in one.updates if name not in one.states] if self.ok else []
        for name in unknown:
            self.ok = False
            fault = Fault(
                "MS422",
                f"`update` changes `{name}`, which is not in `initial`",
                help=f"`initial` has {', '.join(f'`{state}`' for state in one.states)}",
            )
            self.report.report(fault, one.updates[name].span)
        return self.ok

    # Tensors of the model -------------------------------------------------------------------------

    def _given(self, named: NamedFormula) -> Ref | None:
        """The tensor that an entry of `inputs` replaces."""
        found = undefined_tensor(self.typed, named.name, named.span)
        if isinstance(found, Ref):
            return found
        self.ok = False
        self.report.report(found, named.span)
        return None

    def _type(self, ref: Ref) -> Tensor:
        found = type_of(ref, self.typed)
        if found is None:
            raise _Unknown
        return found

    # States ---------------------------------------------------------------------------------------

    def _states(self, given: Mapping[str, Ref | None]) -> bool:
        one = self.generation
        for formula, fault in unknown_names(one, self.typed) if self.ok else ():
            self._wrong(fault, formula)  # without it, the shape of a state may be unknown too
        for name, state in one.states.items() if self.ok else ():
            shape = self._initial_shape(state, given)
            if isinstance(shape, Fault):
                self.ok = False
                self.report.add(located(shape, state.node, state.span))
                continue
            dtype: str = state.initial.dtype
            if state.initial.input is not None:
                dtype = self.typed.inputs[state.initial.input].dtype
            self.states[name] = in_single(Tensor((None, *shape), dtype))
        return self.ok

    def _initial_shape(self, state: State, given: Mapping[str, Ref | None]) -> Shape | Fault:
        initial = state.initial
        if initial.shape is not None:
            return initial.shape
        if initial.input is not None:
            if initial.input not in self.typed.inputs:
                names = ", ".join(f"`{name}`" for name in self.typed.inputs)
                return Fault(
                    "MS422",
                    f"the model has no input `{initial.input}`",
                    ("input",),
                    help=f"its inputs are {names}",
                )
            found = self.typed.inputs[initial.input]
        else:
            takers = [
                ref
                for name, ref in given.items()
                if ref is not None
                and isinstance(root := self.generation.inputs[name].formula.root, Name)
                and root.name == state.name
            ]
            if not takers:
                return Fault(
                    "MS426",
                    f"`{state.name}` requires a shape: no entry of `inputs` is this state alone",
                    help="write e.g. `shape: [28, 28, 1]`, without the batch axis",
                )
            found = self._type(takers[0])
        if not all(isinstance(size, int) for size in found.shape[1:]):
            return Fault(
                "MS426",
                f"the shape of `{state.name}` is unknown, because a size of the model is",
                ("input",) if initial.input is not None else (),
                help="use a tensor of known sizes" if initial.input else "write `shape`",
            )
        return found.shape[1:]

    # Formulas -------------------------------------------------------------------------------------

    def _value(self, named: NamedFormula) -> TypedFormula | None:
        found = self._typed(named)
        if found is None:
            return None
        result = found.result
        if isinstance(result, Tensor) and found.is_per_example:
            self.values[named.name] = result._replace(shape=(found.batch, *result.shape[1:]))
        elif isinstance(result, Tensor):
            self.constants[named.name] = result
        else:
            dtype = "float32" if isinstance(result.value, float) else "int32"
            self.constants[named.name] = Tensor((), dtype)
        if any(self._is_late(one) for one in named.formula.names):
            self.late.add(named.name)
        return found

    def _is_late(self, one: Name) -> bool:
        return one.name in self.tensors or one.name in self.late

    def _input(self, named: NamedFormula, given: Mapping[str, Ref | None]) -> TypedFormula | None:
        found, ref = self._typed(named, before_model=True), given[named.name]
        if found is None or ref is None:
            return None
        return self._checked(found, lambda: check_given(found.result, self._type(ref), named))

    def _update(self, named: NamedFormula) -> TypedFormula | None:
        found, state = self._typed(named), self.states[named.name]
        if found is None:
            return None
        return self._checked(found, lambda: check_update(found.result, state, named))

    def _result(self, named: NamedFormula) -> TypedFormula | None:
        found = self._typed(named)
        if found is None:
            return None
        return self._checked(found, lambda: per_example(named, given=found.is_per_example))

    def _checked(self, found: TypedFormula, check: UnfitType) -> TypedFormula | None:
        fault = check()
        if fault is None:
            return found
        self._wrong(fault, found.named)
        return None

    def _wrong(self, fault: Fault, named: NamedFormula) -> None:
        self.ok = False
        self.report.add(located(fault, named.node, named.span))

    def _typed(self, named: NamedFormula, *, before_model: bool = False) -> TypedFormula | None:
        """The types of a formula; None, with a report, if it is wrong, or reads a wrong value."""
        if not self._known(named, before_model):
            return None
        known = {**self.states, **self.values}
        tensors = {
            name: in_single(self._type(self.tensors[name])) if name in self.tensors else known[name]
            for name in named.formula.arguments
            if name not in self.constants
        }
        try:
            run = inference(named.formula, tensors, self.constants)
            result = run.operand(named.formula.root)
            draws = tuple(draws_of(run, named.formula.root))
        except Fault as fault:
            self._wrong(fault, named)
            return None
        if run.across:
            across = Fault(
                "MS425",
                "this combines several examples, but each example is made separately",
                part=run.across[0].place,
                help="use axes from 1 on: axis 0 counts the examples",
            )
            self._wrong(across, named)
            return None
        return TypedFormula(named, result, run.dtypes, run.batch, draws)

    def _known(self, named: NamedFormula, before_model: bool) -> bool:
        """Whether all names of a formula exist here; the tensors of the model are noted."""
        own = (*self.states, *self.values, *self.constants)
        every = (*own, *self.typed.graph.input_names, *(one.name for one in self.typed.layers))
        for one in named.formula.names:
            first = one.name.partition(".")[0]
            if one.name in own:
                if before_model and one.name in self.late:
                    return self._too_late(named, one)
                continue
            if one.name in self.generation.values:
                # A value below, or one with an error: only the first is a fault of this formula.
                if not self.ok:
                    return False
                fault = Fault(
                    "MS427",
                    f"`{one.name}` is not computed yet: `values` are computed in their order",
                    part=one.place,
                    help="move it up",
                )
                self._wrong(fault, named)
                return False
            if not is_tensor_of(self.typed, first):
                try:
                    check_names(named.formula, tuple(every))
                except Fault as fault:
                    self._wrong(fault, named)
                return False
            if before_model:
                return self._too_late(named, one)
            found = undefined_tensor(self.typed, one.name, named.span)
            if isinstance(found, Fault):
                self._wrong(found, named)
                return False
            self.tensors[one.name] = found
        return self._allowed(named)

    def _too_late(self, named: NamedFormula, one: Name) -> bool:
        message = f"`{one.name}` depends on the model, but `inputs` are computed before it"
        help = "use states, or values that name no tensor of the model"
        self._wrong(Fault("MS427", message, part=one.place, help=help), named)
        return False

    def _allowed(self, named: NamedFormula) -> bool:
        for node in walk(named.formula.root):
            if isinstance(node, Call) and node.function in ("gradient", "len"):
                fault = Fault(
                    "MS425",
                    f"`{node.function}` is allowed only in a term of `training.objective`",
                    part=node.place,
                )
                self._wrong(fault, named)
                return False
        return True

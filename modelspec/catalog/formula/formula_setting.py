"""Formulas as settings."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import PlainValidator

from modelspec.core.diagnostics import Fault, listed, nearest_unused
from modelspec.core.settings import Unfit

from .function_table import FUNCTIONS
from .grammar import NUMBERS, RATES, TENSORS, Grammar
from .parser import parse
from .scalars import SCALARS, evaluate
from .tree import Call, Choice, Formula, Name

PLACE_NAMES: Final = ("epoch", "step")
"""The names of the place in a training."""


def read_formula(value: Any, grammar: Grammar = TENSORS) -> Formula:
    """Parses a formula. Raises `Unfit` or `Fault` with the part of the text at fault."""
    if isinstance(value, Formula):
        return value
    if not isinstance(value, str):
        raise Unfit("a formula", help=f"write e.g. `{grammar.example}`")
    return parse(value, grammar)


def tensors_formula(value: Any) -> Formula:
    """A formula on at least one tensor. Raises `Fault` (MS146) if it names none."""
    formula = read_formula(value)
    if not formula.names:
        raise Fault(
            "MS146",
            "the formula names no tensor",
            part=formula.root.place,
            help="name at least one tensor",
        )
    return formula


def formula_of(
    value: Any, names: tuple[str, ...], needed: str | None = None, grammar: Grammar = TENSORS
) -> Formula:
    """A formula with only these names, including `needed`. Raises `Fault` (MS144, MS146)."""
    formula = read_formula(value, grammar)
    check_names(formula, names)
    if needed is not None and needed not in formula.arguments:
        raise Fault(
            "MS146",
            f"the formula does not name `{needed}`",
            part=formula.root.place,
            help=f"use `{needed}` in the formula",
        )
    return formula


def check_names(formula: Formula, names: tuple[str, ...]) -> None:
    """Raises MS144 at the first name of the formula that is not in `names`."""
    for one in formula.names:
        if one.name not in names:
            raise _unknown_name(one, names, formula.arguments)


def _unknown_name(unknown: Name, names: tuple[str, ...], used: tuple[str, ...]) -> Fault:
    is_letter = len(unknown.name) == 1  # any letter is similar to any other
    near = None if is_letter else nearest_unused(unknown.name, names, used)
    if near is not None:
        help = f"did you mean `{near}`?"
    elif unknown.name in FUNCTIONS:
        help = f"to call a function, write `{unknown.name}(x)`"
    else:
        help = f"the available names are {listed(names)}"
    return Fault(
        "MS144",
        f"the formula names `{unknown.name}`, which does not exist here",
        part=unknown.place,
        suggestion=near,
        help=help,
    )


def _of_numbers(value: Any) -> Formula:
    """A formula on `epoch` and `lr`, written directly or under `formula`."""
    key = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
    if key in ("formula", "expression"):
        try:
            return _of_numbers(value[key])
        except Fault as fault:
            raise fault.under(key) from None
    formula = formula_of(value, ("epoch", "lr"), grammar=NUMBERS)
    _need_number(formula)
    return formula


def _need_number(formula: Formula) -> None:
    if gives_truth(formula):
        raise Fault(
            "MS143",
            "the formula gives a boolean, but a learning rate must be a number",
            part=formula.root.place,
            help=f"write e.g. `{formula} if epoch > 5 else 0.001`",
        )


def _of_steps(value: Any) -> Formula:
    """A formula on `step` and `epoch` that is a learning rate at the first steps."""
    formula = formula_of(value, PLACE_NAMES, grammar=RATES)
    _need_number(formula)
    for step in (0, 1):
        rate = evaluate(formula, {"step": step, "epoch": 0})
        if rate < 0:
            raise Fault(
                "MS891",
                f"the learning rate is {rate:g} at step {step}, but must be at least 0",
                part=formula.root.place,
            )
    return formula


def gives_truth(formula: Formula) -> bool:
    """Whether a formula on numbers can give a boolean."""
    queue = [formula.root]
    for node in queue:
        if isinstance(node, Choice):
            queue += [node.yes, node.no]
        elif isinstance(node, Call) and SCALARS[node.function].truth:
            return True
    return False


TensorsFormula = Annotated[Any, PlainValidator(tensors_formula, json_schema_input_type=str)]
"""A formula on tensors, whose names are the call's arguments."""
ComparingFormula = Annotated[
    Any,
    PlainValidator(
        lambda value: formula_of(value, ("y_true", "y_pred"), "y_pred"), json_schema_input_type=str
    ),
]
"""A formula on targets and outputs."""
StepFormula = Annotated[Any, PlainValidator(_of_steps, json_schema_input_type=str)]
"""A formula on the step and the epoch of a training."""
RateFormula = Annotated[Any, PlainValidator(_of_numbers, json_schema_input_type=str)]
"""A formula on the epoch and the learning rate."""

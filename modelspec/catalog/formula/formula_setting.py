"""Formulas as settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator

from modelspec.core.diagnostics import Fault, listed, nearest_unused
from modelspec.core.settings import Unfit

from .function_table import FUNCTIONS
from .grammar import NUMBERS, TENSORS, Grammar
from .parser import parse
from .scalars import SCALARS
from .tree import Call, Choice, Formula, Name


def read_formula(value: Any, grammar: Grammar = TENSORS) -> Formula:
    """The formula of a text. Raises `Unfit` or `Fault` with the part of the text that is to
    blame.
    """
    if isinstance(value, Formula):
        return value
    if not isinstance(value, str):
        raise Unfit("a formula", help=f"write e.g. `{grammar.example}`")
    return parse(value, grammar)


def tensors_formula(value: Any) -> Formula:
    """A formula on tensors, one at least. Raises `Fault` (MS146) where it names none."""
    formula = read_formula(value)
    if not formula.names:
        raise Fault(
            "MS146",
            "the formula names no tensor",
            part=formula.root.place,
            help="name the tensors that it computes with",
        )
    return formula


def formula_of(
    value: Any, names: tuple[str, ...], needed: str | None = None, grammar: Grammar = TENSORS
) -> Formula:
    """A formula that has only these names, `needed` among them. Raises `Fault` (MS144, MS146)."""
    formula = read_formula(value, grammar)
    check_names(formula, names)
    if needed is not None and needed not in formula.arguments:
        raise Fault(
            "MS146",
            f"the formula does not name `{needed}`",
            part=formula.root.place,
            help=f"compare `{needed}` with something",
        )
    return formula


def check_names(formula: Formula, names: tuple[str, ...]) -> None:
    """Raises MS144 at the first name of the formula that is none of `names`."""
    for one in formula.names:
        if one.name not in names:
            raise _unknown_name(one, names, formula.arguments)


def _unknown_name(unknown: Name, names: tuple[str, ...], used: tuple[str, ...]) -> Fault:
    is_letter = len(unknown.name) == 1  # any letter is near any other
    near = None if is_letter else nearest_unused(unknown.name, names, used)
    if near is not None:
        help = f"did you mean `{near}`?"
    elif unknown.name in FUNCTIONS:
        help = f"a function is called: `{unknown.name}(x)`"
    else:
        help = f"the names here are {listed(names)}"
    return Fault(
        "MS144",
        f"the formula names `{unknown.name}`, which is not there",
        part=unknown.place,
        suggestion=near,
        help=help,
    )


def _of_numbers(value: Any) -> Formula:
    """A formula on `epoch` and `lr`, written alone or behind `expression`."""
    if isinstance(value, dict) and list(value) == ["expression"]:
        try:
            return _of_numbers(value["expression"])
        except Fault as fault:
            raise fault.under("expression") from None
    formula = formula_of(value, ("epoch", "lr"), grammar=NUMBERS)
    if gives_truth(formula):
        raise Fault(
            "MS143",
            "the formula gives true or false, and a learning rate is a number",
            part=formula.root.place,
            help="write e.g. `lr * 0.5 if epoch > 5 else lr`",
        )
    return formula


def gives_truth(formula: Formula) -> bool:
    """Whether a formula on numbers gives true or false, in one of its cases at least."""
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
RateFormula = Annotated[Any, PlainValidator(_of_numbers, json_schema_input_type=str)]
"""A formula on the epoch and the learning rate."""

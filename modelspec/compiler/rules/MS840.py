"""A term of an objective that does not fit the tensors that it reads."""

from __future__ import annotations

from modelspec.core.diagnostics import Fault
from modelspec.core.sections import located

from ..infer.objective_terms import term_type
from .case import Case


def check(case: Case) -> None:
    """Check the types of every term whose tensors and targets have known types."""
    for one in case.objective:
        if one.types is None:
            continue
        term = one.resolved.term
        try:
            term_type(term, one.types)
        except Fault as fault:  # "MS840" for the axes of the result, or a fault of the formula
            case.report.add(located(fault.under("formula"), term.node, term.span))

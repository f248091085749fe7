"""Checks the terms of an objective against the targets that they read, whose types depend on the
data.
"""

from __future__ import annotations

from modelspec.compiler.infer.objective_terms import (
    ResolvedTerm,
    resolved_terms,
    term_type,
    type_of,
)
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault
from modelspec.core.sections import located
from modelspec.core.shapes import Tensor

from .errors import Findings
from .examples import Examples
from .spec_facts import typed_graph


def check_terms(compiled: Compiled, examples: Examples, findings: Findings) -> None:
    """The faults of every term that reads a target; with windows, the steps of a training find
    them.
    """
    training = compiled.training
    if training is None or not training.has_objective or examples.windows is not None:
        return
    every = (training, *(one.training for one in training.stages))
    terms = {id(term): term for one in every for term in one.objective.values()}
    typed = typed_graph(compiled)
    for term in resolved_terms(typed, {str(key): one for key, one in terms.items()}):
        if term.targets:
            _check(compiled, term, examples, findings)


def _check(compiled: Compiled, one: ResolvedTerm, examples: Examples, findings: Findings) -> None:
    typed = typed_graph(compiled)
    types = {name: type_of(ref, typed) for name, ref in one.tensors.items()}
    for name, target in one.targets.items():
        array = examples.targets.get(target)
        if array is None:  # it has an error already
            return
        if array.dtype == object:
            findings.error(
                "MS843",
                f"the term `{one.name}` reads `target.{target}`, whose values are not numbers",
                one.term.references[name].span,
                help="convert them, e.g. with `transform: [{StringLookup: {num_oov_indices: 0}}]`",
            )
            return
        types[name] = Tensor((None, *array.shape[1:]), str(array.dtype))
    try:
        term_type(one.term, {name: found for name, found in types.items() if found is not None})
    except Fault as fault:
        findings.extend([located(fault.under("formula"), one.term.node, one.term.span)])

"""A `generate` section that does not fit the model, or that leaves an input without a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Fault, listed

from ..infer.generation import typed_generation
from ..infer.generation_types import TypedGeneration
from ..infer.objective_terms import unreached
from ..infer.typed_graph import TypedGraph
from ..spec.generate_section import PLACE_NAMES, Generation

if TYPE_CHECKING:
    from .case import Case


def check(case: Case) -> None:
    """Check the names and the types of the section, then the inputs of the model."""
    generation = case.file.generation if case.file is not None else None
    typed = case.typed
    if generation is None or typed is None:
        return
    found = typed_generation(generation, typed, case.report)
    if found is None:
        return
    _whole(generation, found, case)
    _inputs(found, typed, case)
    _tensors(found, typed, case)
    _unused(generation, case)


def _whole(generation: Generation, found: TypedGeneration, case: Case) -> None:
    """MS426 for a section that does not use the model, or whose steps are all equal."""
    if not found.tensors:
        case.report.error(
            "MS426",
            "no formula of `generate` names a tensor of the model",
            generation.span,
            help="name an output of the model in `update` or `result`",
        )
    elif generation.steps > 1 and not generation.updates:
        case.report.error(
            "MS426",
            f"`generate` has {generation.steps} steps, but no `update`: all steps are equal",
            generation.span,
            help="write `update`, or remove `steps`",
        )


def _inputs(found: TypedGeneration, typed: TypedGraph, case: Case) -> None:
    """MS423 for every input of the model that gets no value."""
    features = case.data.inputs if case.data is not None and case.data.inputs else {}
    single = case.data is not None and case.data.inputs is None and len(typed.inputs) == 1
    for name in found.from_rows:
        feature = features.get(name)
        if single or (feature is not None and feature.random is None):
            continue
        drawn = feature is not None and feature.random is not None
        why = "is drawn at random in training" if drawn else "is not an input of `data`"
        case.report.error(
            "MS423",
            f"the input `{name}` of the model has no value: it {why}, and `inputs` of `generate`"
            " do not set it",
            found.generation.span,
            help=f"add it to `inputs` of `generate`: `{name}: random_normal(x)`"
            if drawn
            else f"add `{name}` to `inputs` of `generate`",
        )


def _tensors(found: TypedGeneration, typed: TypedGraph, case: Case) -> None:
    """MS428 for a replaced tensor on which nothing depends, MS429 for one that is not trained."""
    read = {ref.producer for ref in found.tensors.values()}
    for name, ref in found.given.items():
        others = {one.producer for key, one in found.given.items() if key != name}
        if found.tensors and not _reaches(typed, read, ref.producer, others):
            case.report.error(
                "MS428",
                f"nothing that `generate` computes depends on `{name}`",
                found.generation.inputs[name].span,
                help=f"remove `{name}`, or name a tensor that depends on it",
            )
    for name, ref in found.tensors.items():
        call = unreached(typed, ref)
        if call is not None:
            fault = Fault(
                "MS429",
                f"no output of the model depends on `{name}`, so the weights of `{call.name}` are"
                " not trained, and not part of a run",
                help=f"add `{name}` to `outputs` of the model",
            )
            case.report.report(fault, ref.span)


def _reaches(typed: TypedGraph, queue: set[str], wanted: str, others: set[str]) -> bool:
    """Whether some tensors depend on another one, other than through `others`."""
    left, seen = list(queue), set[str]()
    while left:
        name = left.pop()
        if name == wanted:
            return True
        if name in seen or name in others:
            continue
        seen.add(name)
        call = typed.by_name.get(name)
        if call is not None:
            left.extend(ref.producer for ref in call.call.refs())
    return False


def _unused(generation: Generation, case: Case) -> None:
    """MS430 for a state or a value that no formula reads."""
    read = {name for one in generation.formulas for name in one.formula.arguments}
    names = [*generation.states, *generation.values]
    spans = {one.name: one.span for one in generation.states.values()}
    spans |= {one.name: one.span for one in generation.values.values()}
    for name, span in spans.items():
        if name not in read and name not in PLACE_NAMES:
            case.report.warning(
                "MS430",
                f"no formula of `generate` reads `{name}`",
                span,
                help=f"remove it; the formulas read {listed([one for one in names if one in read])}"
                if any(one in read for one in names)
                else "remove it",
            )

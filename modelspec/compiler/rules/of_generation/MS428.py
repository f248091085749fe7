"""A tensor that `generate` replaces, and on which nothing depends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.catalog.formula.tree import Name

from ...infer.generation_types import TypedGeneration
from ...infer.typed_graph import TypedGraph

if TYPE_CHECKING:
    from ..case import Case


def check(case: Case) -> None:
    """Every tensor that `inputs` replace."""
    found, typed = case.generation, case.typed
    if found is None or typed is None:
        return
    read = {ref.producer for ref in found.tensors.values()}
    for name, ref in found.given.items():
        others = {one.producer for key, one in found.given.items() if key != name}
        if found.tensors and not _reaches(typed, read, ref.producer, others):
            case.report.error(
                "MS428",
                f"nothing that `generate` computes depends on `{name}`",
                found.generation.inputs[name].span,
                help=f"{_without(found, name)}, or name a tensor that depends on it",
            )


def _without(found: TypedGeneration, name: str) -> str:
    """How to remove an input: a state whose shape only this input gives requires its own."""
    inputs = found.generation.inputs
    root = inputs[name].formula.root
    state = found.generation.states.get(root.name) if isinstance(root, Name) else None
    if state is None or state.initial.shape is not None or state.initial.input is not None:
        return f"remove `{name}`"
    others = (one.formula.root for key, one in inputs.items() if key != name)
    if any(isinstance(one, Name) and one.name == state.name for one in others):
        return f"remove `{name}`"
    sizes = ", ".join(map(str, found.states[state.name].shape[1:]))
    return f"remove `{name}` and write `shape: [{sizes}]` for `{state.name}`"


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

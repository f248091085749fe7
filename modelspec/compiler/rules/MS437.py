"""An unknown size that no number fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import PENDING

from ..infer import TypedGraph
from .case import Case

if TYPE_CHECKING:
    from .unknown_sizes import Conflict, Requirement


def check(case: Case) -> None:
    """Find numbers for the unknown sizes of the inputs that fit all layers."""
    typed = case.typed
    if typed is None or not typed.is_whole or not _has_unknown_sizes(typed):
        return
    if not case.layers.stating("required_sizes"):
        return
    from .unknown_sizes import conflict, input_axis  # most specs have no unknown size

    found = conflict(typed.graph)
    if found is None:
        return
    place = input_axis(typed.graph, found.requirement.name)
    shown = f"`{place[0]}.shape[{place[1] - 1}]`" if place else f"`{found.requirement.name}`"
    case.report.error(
        "MS437",
        _message(found, shown, place is None),
        found.requirement.call.call.use.kind_span,
        notes=_notes(found),
        help="change the sizes of one of these layers"
        if found.requirement.values
        else "change the sizes of this layer",
    )


def _has_unknown_sizes(typed: TypedGraph) -> bool:
    """Whether an input has a size that only the data determine."""
    return any(
        size is None or (isinstance(size, str) and size != PENDING)
        for tensor in typed.inputs.values()
        for size in tensor.shape[1:]
    )


def _message(found: Conflict, shown: str, named: bool) -> str:
    one = found.requirement
    if not one.values:  # a size without a name is not shown: it contains an internal one
        size = f", which is `{one.size}` at this layer," if named and one.size != one.name else ""
        return f"no number for the unknown size {shown}{size} fits `{one.call.name}`"
    values = " or ".join(map(str, one.values))
    requires = f"`{one.call.name}` requires that the unknown size {shown} is {values}"
    return f"{requires}, but then {_rest(found)}"


def _rest(found: Conflict) -> str:
    if found.reason is not None:
        return found.reason.message
    return (
        f"no number for another unknown size fits `{found.other.call.name}`"
        if found.other is not None
        else ""
    )


def _notes(found: Conflict) -> list[Note]:
    other: Requirement | None = found.other
    if found.reason is not None and found.reason.span is not None:
        return [Note("does not fit then", found.reason.span)]
    if other is not None:
        return [Note("does not fit then", other.call.call.use.kind_span)]
    return []

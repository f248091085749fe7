"""The errors of duplicate names, and of references to no tensor or to several."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span, listed, nearest
from modelspec.core.diagnostics.derived import origin_of

if TYPE_CHECKING:
    from .symbols import TensorName

_MOST_SHOWN = 12
"""The most names that a help lists."""
_MOST_READ = 200
"""The most names that are considered for the list."""


def defined_twice(name: str, span: Span | None, first: Span | None) -> Diagnostic:
    """MS304. If both places are the same, a loop defines the name in each round."""
    if first is None:
        return Fault("MS304", f"`{name}` is defined twice").at(span)
    if span is None or origin_of(first) != origin_of(span):
        note = Note("first defined here", first)
        return Fault("MS304", f"`{name}` is defined twice").at(span, (note,))
    help = f"give each round its own name, e.g. `name: {name}_$(i)` with `index: i`"
    return Fault("MS304", f"`{name}` is defined twice", help=help).at(span)


def output_named_twice(name: str, span: Span) -> Diagnostic:
    return Fault("MS304", f"`{name}` is named twice among the outputs").at(span)


def defined_later(producer: str, span: Span, definition: Span | None) -> Diagnostic:
    """MS303: the entry that defines the name is further down."""
    return Fault(
        "MS303",
        f"`{producer}` is used before it is defined",
        help="move its entry above this one",
    ).at(span, (Note("it is defined here", definition),))


def excluded(producer: str, span: Span, condition: Span) -> Diagnostic:
    """MS132: a `when` left out the entry that defines the name."""
    return Fault(
        "MS132",
        f"`{producer}` was left out, so the tensor does not exist",
        help=f"leave this out as well, or choose another: `$('{producer}' if ... else '...')`",
    ).at(span, (Note("left out here", condition),))


def undefined(
    reference: TensorName, span: Span, known: Collection[str], block: str | None
) -> Diagnostic:
    """MS302: no entry of the model, or of the block, has the name."""
    producer = reference.producer
    near = nearest(producer, known)
    where = f" in block `{block}`" if block else ""
    given = (name for name in islice(known, _MOST_READ) if not name[-1:].isdigit())
    shown = listed(list(islice(given, _MOST_SHOWN)))
    visible = "a block sees only its inputs and its own entries" if block else "defined so far"
    return Fault(
        "MS302",
        f"unknown tensor `{producer}`{where}",
        suggestion=str(reference._replace(producer=near)) if near else None,
        help=f"did you mean `{near}`?" if near else f"{visible}: {shown}",
    ).at(span)


def no_output(
    producer: str,
    output: str,
    choices: Iterable[str],
    shown: Sequence[str],
    suggestion: str | None = None,
) -> Fault:
    """MS305: the output does not exist. `choices` can be written after the dot. The help lists
    `shown`: empty if there is only one output. `suggestion` is for an output that is not near to a
    choice.
    """
    near = nearest(output, choices)
    return Fault(
        "MS305",
        f"`{producer}` has no output `{output}`",
        suggestion=f"{producer}.{near}" if near else suggestion,
        help=f"its outputs are {listed(shown)}" if shown else f"it has one: write `{producer}`",
    )


def several_outputs(
    subject: str,
    count: int,
    taker: str,
    choices: Sequence[str],
    how: str = "select one",
    suggestion: str | None = None,
) -> Fault:
    """MS312: `taker` requires one tensor, and `subject` (a name in backticks, or words) gives
    several, which `choices` select.
    """
    return Fault(
        "MS312",
        f"{subject} has {count} outputs, but {taker} takes only one tensor",
        suggestion=suggestion,
        help=f"{how}: {listed(choices, 'or')}",
    )

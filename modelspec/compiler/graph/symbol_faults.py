"""What is said of a name that is defined twice, and of a reference that leads to no tensor, or to
several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Diagnostic, Fault, Note, Span, listed, nearest
from modelspec.core.diagnostics.derived import origin_of

if TYPE_CHECKING:
    from .symbols import TensorName

_MOST_SHOWN = 12
"""Names that a help lists."""
_MOST_READ = 200
"""Names that are looked at for those to list."""


def defined_twice(name: str, span: Span | None, first: Span | None) -> Diagnostic:
    """MS304. Where both places are one, it is a loop that defines the name in each round."""
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
        f"`{producer}` was left out, so there is no such tensor",
        help=f"leave this out as well, or choose: `$('{producer}' if ... else '...')`",
    ).at(span, (Note("left out here", condition),))


def undefined(
    reference: TensorName, span: Span, known: Collection[str], block: str | None
) -> Diagnostic:
    """MS302: nothing in the model, or in the block, has the name."""
    producer = reference.producer
    near = nearest(producer, known)
    where = f" in block `{block}`" if block else ""
    given = (name for name in islice(known, _MOST_READ) if not name[-1:].isdigit())
    shown = listed(list(islice(given, _MOST_SHOWN)))
    visible = "a block sees its inputs and its own entries only" if block else "defined so far"
    return Fault(
        "MS302",
        f"there is no tensor `{producer}`{where}",
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
    """MS305: none of the outputs is called so. `choices` can be written behind the dot. The help
    lists those `shown`: none where there is one output. `suggestion` is for an output that is near
    no choice.
    """
    near = nearest(output, choices)
    return Fault(
        "MS305",
        f"`{producer}` has no output `{output}`",
        suggestion=f"{producer}.{near}" if near else suggestion,
        help=f"it has {listed(shown)}" if shown else f"it has one: write `{producer}`",
    )


def several_outputs(
    subject: str,
    count: int,
    taker: str,
    choices: Sequence[str],
    how: str = "select one",
    suggestion: str | None = None,
) -> Fault:
    """MS312: `taker` needs one tensor, and `subject` (a name in backticks, or words) gives several,
    which `choices` select.
    """
    return Fault(
        "MS312",
        f"{subject} gives {count} tensors, and {taker} needs one here",
        suggestion=suggestion,
        help=f"{how}: {listed(choices, 'or')}",
    )

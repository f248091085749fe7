"""The entries of a model as statements that can be compared and moved: their inputs are relative
positions, not names.

A model is cut at each point where later layers use only a single tensor. The part between two cuts
is an *atom*: one layer, or several whose tensors are joined before the next cut (a residual, an
inception module). The meaning of an atom does not depend on its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .branches import Branches


@dataclass(frozen=True)
class Local:
    """An output of a statement of the same atom; `index` -1 is the incoming tensor of the atom."""

    index: int
    output: str = ""


@dataclass(frozen=True)
class Named:
    """A tensor by its name: an input, or one of another atom."""

    text: str


Leaf: TypeAlias = "Local | Named"


@dataclass(frozen=True)
class ByArgument:
    """Tensors by the name of the call's argument."""

    items: tuple[tuple[str, Leaf | tuple[Leaf, ...]], ...]


Takes: TypeAlias = "Leaf | tuple[Leaf, ...] | ByArgument"

BEFORE = Local(-1)


@dataclass(frozen=True)
class Statement:
    """An entry of `layers`."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    takes: Takes = BEFORE
    call: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    """A name given by the user; None for an automatic name."""
    counted: str = ""
    """Its name, given by the user or automatic."""
    inside: Branches | None = None
    """If it is a group: its branches, whose join has the same kind and name."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """The part that must be equal in two statements to merge them."""
        return self.kind, self.takes, repr(self.call)


Atom: TypeAlias = tuple[Statement, ...]


def mapped(takes: Takes, change: Callable[[Leaf], Any]) -> Any:
    """The same structure with every tensor changed: one, a list, or a mapping."""
    if isinstance(takes, tuple):
        return [change(leaf) for leaf in takes]
    if isinstance(takes, ByArgument):
        return {
            name: [change(leaf) for leaf in item] if isinstance(item, tuple) else change(item)
            for name, item in takes.items
        }
    return change(takes)


def leaves(takes: Takes) -> Iterator[Leaf]:
    """Every tensor of a `from`."""
    found: list[Leaf] = []
    mapped(takes, found.append)
    yield from found


def rewired(statement: Statement, change: Callable[[Leaf], Leaf]) -> Statement:
    """The statement with every input tensor changed."""
    return replace(statement, takes=frozen(mapped(statement.takes, change)))


def local_indices(statement: Statement) -> Iterator[int]:
    """The inputs of a statement in the same atom; -1 is the incoming tensor."""
    return (leaf.index for leaf in leaves(statement.takes) if isinstance(leaf, Local))


def needs_name_before(atom: Atom) -> bool:
    """Whether the incoming tensor of an atom needs a name: only the first statement uses it by
    default.
    """
    return any(
        leaf == BEFORE
        for position, one in enumerate(atom)
        for leaf in leaves(one.takes)
        if position or one.takes != BEFORE
    )


def atoms(statements: Sequence[Statement], ends: set[str], inputs: Sequence[str]) -> list[Atom]:
    """The statements, whose `takes` are still names, cut into atoms. `ends` are the names that
    outputs use.
    """
    place = {one.counted: index for index, one in enumerate(statements)}
    last_use = _last_uses(statements, ends)
    reach = max((last_use.get(name, 0) for name in inputs), default=0)
    cuts = [0]
    for index, one in enumerate(statements[:-1]):
        if reach <= index:
            cuts.append(index + 1)
        reach = max(reach, last_use.get(one.counted, index))
    before = inputs[0]
    found: list[Atom] = []
    for start, end in pairwise([*cuts, len(statements)]):

        def leaf(one: Leaf, start: int = start, end: int = end, before: str = before) -> Leaf:
            assert isinstance(one, Named)
            return _relative(one, place, start, end, before)

        found.append(tuple(rewired(one, leaf) for one in statements[start:end]))
        before = statements[end - 1].counted
    return found


def frozen(takes: Any) -> Takes:
    """The result of `mapped`, as `takes`."""
    if isinstance(takes, list):
        return tuple(takes)
    if isinstance(takes, dict):
        return ByArgument(
            tuple(
                (name, tuple(item) if isinstance(item, list) else item)
                for name, item in takes.items()
            )
        )
    found: Takes = takes
    return found


def _last_uses(statements: Sequence[Statement], ends: set[str]) -> dict[str, int]:
    """The last consumer of each tensor; past the end for outputs, except the output of the last
    statement.
    """
    found: dict[str, int] = {}
    for index, one in enumerate(statements):
        for leaf in leaves(one.takes):
            assert isinstance(leaf, Named)
            found[leaf.text.partition(".")[0]] = index
    final = statements[-1].counted
    return {**found, **{name: len(statements) for name in ends if name != final}}


def _relative(one: Named, place: Mapping[str, int], start: int, end: int, before: str) -> Leaf:
    name, _, output = one.text.partition(".")
    if name == before and not output:
        return BEFORE
    index = place.get(name, -1)
    return Local(index - start, output) if start <= index < end else one

"""The entries of a model as statements that can be compared and moved: the tensors that each takes
are relative positions, not names.

A model is cut wherever a single tensor is all that later layers take. What is between two cuts is
an *atom*: one layer, or several whose tensors meet again before the next cut (a residual, an
inception module). An atom means the same at every position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Local:
    """An output of a statement of the same atom; `index` -1 is the tensor that comes into the
    atom.
    """

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
    """That somebody gave; None for one that Keras counted."""
    counted: str = ""
    """The name that it has, whoever gave it."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """What has to be the same in two statements that one can be written for."""
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
    """The statement with every tensor that it takes changed."""
    return replace(statement, takes=frozen(mapped(statement.takes, change)))


def local_indices(statement: Statement) -> Iterator[int]:
    """The statements of the same atom that one takes an output of, -1 for what comes in."""
    return (leaf.index for leaf in leaves(statement.takes) if isinstance(leaf, Local))


def needs_name_before(atom: Atom) -> bool:
    """Whether the tensor that comes into an atom has to be named: only the first statement takes it
    unsaid.
    """
    return any(
        leaf == BEFORE
        for position, one in enumerate(atom)
        for leaf in leaves(one.takes)
        if position or one.takes != BEFORE
    )


def atoms(statements: Sequence[Statement], ends: set[str], inputs: Sequence[str]) -> list[Atom]:
    """The statements, whose `takes` are names so far, cut into atoms. `ends` are the names that
    outputs take.
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
    """What `mapped` gave as `takes` again."""
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
    """The last statement that takes each tensor; past the end for those that are outputs, but for
    the last one's.
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

"""An atom as branches: chains from one tensor that meet in its last layer, which need no names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .statements import BEFORE, Atom, Leaf, Local, Statement, frozen, leaves, mapped


@dataclass(frozen=True)
class Branches:
    """Chains and what joins them; an empty chain is the tensor itself."""

    chains: tuple[tuple[Atom | Branches, ...], ...]
    join: Statement


def is_step(atom: Atom) -> bool:
    """Whether an atom is one layer that takes the tensor before it."""
    return len(atom) == 1 and atom[0].takes == BEFORE


def as_branches(atom: Atom) -> Branches | None:
    """The atom as branches, these again where there are some inside; None where its wiring is
    another.
    """
    *body, join = atom
    if not isinstance(join.takes, tuple) or not all(
        isinstance(leaf, Local) and not leaf.output for leaf in join.takes
    ):
        return None
    ends = [leaf.index for leaf in join.takes if isinstance(leaf, Local)]
    if any(
        leaf not in (BEFORE,) and not isinstance(leaf, Local)
        for one in body
        for leaf in leaves(one.takes)
    ):
        return None
    owned = [_ancestors(body, end) for end in ends]
    if sum(map(len, owned)) != len(body) or len(set().union(*owned)) != len(body):
        return None
    chains = [_chain([body[index] for index in sorted(one)], sorted(one)) for one in owned]
    if any(chain is None for chain in chains):
        return None
    return Branches(tuple(chain for chain in chains if chain is not None), join)


def _ancestors(body: list[Statement], end: int) -> set[int]:
    """The statements that one depends on, and itself; none for the tensor that comes in."""
    found: set[int] = set()
    queue = [end]
    while queue:
        index = queue.pop()
        if index >= 0 and index not in found:
            found.add(index)
            queue.extend(
                leaf.index for leaf in leaves(body[index].takes) if isinstance(leaf, Local)
            )
    return found


def _chain(body: list[Statement], places: list[int]) -> tuple[Atom | Branches, ...] | None:
    """The statements of one branch as steps and branches; None where they are more tangled."""
    new_place = {old: new for new, old in enumerate(places)}

    def moved(leaf: Leaf) -> Leaf:
        return (
            Local(new_place[leaf.index], leaf.output)
            if isinstance(leaf, Local) and leaf != BEFORE
            else leaf
        )

    statements = [replace(one, takes=frozen(mapped(one.takes, moved))) for one in body]
    found: list[Atom | Branches] = []
    for atom in cut(statements):
        if is_step(atom):
            found.append(atom)
        elif (inner := as_branches(atom)) is not None:
            found.append(inner)
        else:
            return None
    return tuple(found)


def cut(statements: list[Statement]) -> Iterable[Atom]:
    """The atoms of statements that all come from one tensor."""
    last_use = {-1: 0}
    for index, one in enumerate(statements):
        last_use.update(
            {leaf.index: index for leaf in leaves(one.takes) if isinstance(leaf, Local)}
        )
    start, reach = 0, last_use[-1]
    for index in range(len(statements)):
        if reach <= index or index == len(statements) - 1:
            yield _moved(statements[start : index + 1], start)
            start = index + 1
        reach = max(reach, last_use.get(index, index))


def _moved(statements: list[Statement], start: int) -> Atom:
    def leaf(one: Leaf) -> Leaf:
        return (
            Local(one.index - start if one.index >= start else -1, one.output)
            if isinstance(one, Local)
            else one
        )

    return tuple(replace(one, takes=frozen(mapped(one.takes, leaf))) for one in statements)

"""An atom as branches: chains from one tensor that meet in its last layer, which need no names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .statements import BEFORE, Atom, Leaf, Local, Statement, leaves, local_indices, rewired


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
    ends = _joined(join)
    if ends is None or not all(map(_is_internal, body)):
        return None
    owned = [_ancestors(body, end) for end in ends]
    is_partition = sum(map(len, owned)) == len(body) == len(set().union(*owned))
    if not is_partition:
        return None
    chains = []
    for places in map(sorted, owned):
        chain = _chain([body[index] for index in places], places)
        if chain is None:
            return None
        chains.append(chain)
    return Branches(tuple(chains), join)


def _joined(join: Statement) -> list[int] | None:
    """The statements of which a layer joins the first outputs; None where it takes anything
    else.
    """
    if not isinstance(join.takes, tuple):
        return None
    ends = [leaf.index for leaf in join.takes if isinstance(leaf, Local) and not leaf.output]
    return ends if len(ends) == len(join.takes) else None


def _is_internal(statement: Statement) -> bool:
    """Whether a statement takes nothing from outside of its atom but the tensor that comes in."""
    return all(isinstance(leaf, Local) for leaf in leaves(statement.takes))


def _ancestors(body: list[Statement], end: int) -> set[int]:
    """The statements that one depends on, and itself; none for the tensor that comes in."""
    found: set[int] = set()
    queue = [end]
    while queue:
        index = queue.pop()
        if index >= 0 and index not in found:
            found.add(index)
            queue.extend(local_indices(body[index]))
    return found


def _chain(body: list[Statement], places: list[int]) -> tuple[Atom | Branches, ...] | None:
    """The statements of one branch as steps and branches; None where they are more tangled."""
    new_place = {-1: -1, **{old: new for new, old in enumerate(places)}}

    def moved(leaf: Leaf) -> Leaf:
        return Local(new_place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    found: list[Atom | Branches] = []
    for atom in cut([rewired(one, moved) for one in body]):
        part = atom if is_step(atom) else as_branches(atom)
        if part is None:
            return None
        found.append(part)
    return tuple(found)


def cut(statements: list[Statement]) -> Iterable[Atom]:
    """The atoms of statements that all come from one tensor."""
    last_use = {-1: 0}
    for index, one in enumerate(statements):
        last_use.update(dict.fromkeys(local_indices(one), index))
    start, reach = 0, last_use[-1]
    for index in range(len(statements)):
        if reach <= index or index == len(statements) - 1:
            yield _moved(statements[start : index + 1], start)
            start = index + 1
        reach = max(reach, last_use.get(index, index))


def _moved(statements: list[Statement], start: int) -> Atom:
    """The statements as an atom of their own: what comes from before `start` comes in."""

    def moved(leaf: Leaf) -> Leaf:
        if not isinstance(leaf, Local):
            return leaf
        return Local(leaf.index - start if leaf.index >= start else -1, leaf.output)

    return tuple(rewired(one, moved) for one in statements)

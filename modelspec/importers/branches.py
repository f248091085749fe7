"""An atom as branches: chains from one tensor that are joined by its last layer, without names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .statements import BEFORE, Atom, Leaf, Local, Statement, leaves, local_indices, rewired


@dataclass(frozen=True)
class Branches:
    """Chains and the layer that joins them; an empty chain is the tensor itself."""

    chains: tuple[tuple[Atom | Branches, ...], ...]
    join: Statement


def is_step(atom: Atom) -> bool:
    """Whether an atom is a single layer whose input is the previous tensor."""
    return len(atom) == 1 and atom[0].takes == BEFORE


def as_branches(atom: Atom) -> Branches | None:
    """The atom as branches, nested if necessary; None if its wiring is different."""
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
    """The statements whose first outputs a layer joins; None if it has other inputs."""
    if not isinstance(join.takes, tuple):
        return None
    ends = [leaf.index for leaf in join.takes if isinstance(leaf, Local) and not leaf.output]
    return ends if len(ends) == len(join.takes) else None


def _is_internal(statement: Statement) -> bool:
    """Whether the only input of a statement from outside its atom is the incoming tensor."""
    return all(isinstance(leaf, Local) for leaf in leaves(statement.takes))


def _ancestors(body: list[Statement], end: int) -> set[int]:
    """A statement and the statements that it depends on; none for the incoming tensor."""
    found: set[int] = set()
    queue = [end]
    while queue:
        index = queue.pop()
        if index >= 0 and index not in found:
            found.add(index)
            queue.extend(local_indices(body[index]))
    return found


def _chain(body: list[Statement], places: list[int]) -> tuple[Atom | Branches, ...] | None:
    """The statements of one branch as steps and branches; None if the wiring is more complex."""
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
    """The atoms of statements that all depend on one tensor."""
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
    """The statements as a separate atom: tensors from before `start` are its incoming tensor."""

    def moved(leaf: Leaf) -> Leaf:
        if not isinstance(leaf, Local):
            return leaf
        return Local(leaf.index - start if leaf.index >= start else -1, leaf.output)

    return tuple(rewired(one, moved) for one in statements)

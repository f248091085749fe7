"""A model as a tree of nodes: single steps, branches that are joined again, and atoms with any
other wiring.

The meaning of a sequence of nodes does not depend on its position, so it can become a block or the
body of a loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .branches import Branches, as_branches, is_step
from .groups import grouped
from .statements import BEFORE, Atom, Leaf, Local, Named, Statement, leaves, local_indices, rewired


@dataclass(frozen=True)
class Loop:
    """A `for` around entries."""

    variable: str
    values: Any
    index: str | None
    body: tuple[Node, ...]
    rounds: int | None = None
    """The number of repetitions, if only names differ."""


COUNTED = "_$(i + 1)"
"""The suffix of the names that `repeat` generates."""

Node: TypeAlias = "Atom | Branches | Loop"
Nodes: TypeAlias = "tuple[Node, ...]"
Place: TypeAlias = "tuple[object, ...]"
"""The path of a list of nodes: the name of a block or None, then a node and its chain per level."""


def tree(atoms: Sequence[Atom], fixed: set[str]) -> Nodes:
    """Atoms as nodes, converted to branches where possible. `fixed` are names that are referenced
    from outside an atom.
    """
    return tuple(_node(atom, fixed) for atom in atoms)


def _node(atom: Atom, fixed: set[str]) -> Node:
    if len(atom) == 1:
        return atom
    needs_names = any(one.counted in fixed for one in atom[:-1])
    found = None if needs_names else as_branches(atom)
    return found or in_runs(grouped(atom, fixed))


def in_runs(atom: Atom) -> Atom:
    """The same statements, each directly after its only input where possible.

    A topological order, depth first; the output of the atom remains the last statement.
    """
    takes = [{index for index in local_indices(one) if index >= 0} for one in atom]
    users = _users(takes)
    missing = list(map(len, takes))
    last = len(atom) - 1
    missing[last] += 1
    order: list[int] = []
    waiting = [index for index in reversed(range(len(atom))) if not missing[index]]
    while waiting or len(order) < last:
        index = waiting.pop()
        order.append(index)
        for user in users[index]:
            missing[user] -= 1
        waiting.extend(user for user in reversed(users[index]) if not missing[user])
    return _reordered(atom, [*order, last])


def _users(takes: Sequence[set[int]]) -> list[list[int]]:
    """The consumers of each statement, in order."""
    users: list[list[int]] = [[] for _ in takes]
    for index, sources in enumerate(takes):
        for source in sources:
            users[source].append(index)
    return users


def _reordered(atom: Atom, order: Sequence[int]) -> Atom:
    place = {-1: -1, **{old: new for new, old in enumerate(order)}}

    def moved(leaf: Leaf) -> Leaf:
        return Local(place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    return tuple(rewired(atom[old], moved) for old in order)


def statements_of(node: Node) -> Iterator[Statement]:
    """Every statement in a node, in the order in which it is written."""
    if isinstance(node, Branches):
        for chain in node.chains:
            for item in chain:
                yield from statements_of(item)
        yield node.join
    elif isinstance(node, Loop):
        for inner in node.body:
            yield from statements_of(inner)
    else:
        for one in node:
            if one.inside is None:
                yield one
            else:
                yield from statements_of(one.inside)


def is_repeated(loop: Loop) -> bool:
    """Whether a loop is one layer whose names differ only in a number, which `repeat` supports."""
    if loop.rounds is None or len(loop.body) > 1:
        return False
    node = loop.body[0]
    if isinstance(node, (Branches, Loop)) or not is_step(node):
        return False
    name = node[0].name
    return name is None or (name.endswith(COUNTED) and "$" not in name.removesuffix(COUNTED))


def shape_of(node: Node) -> object | None:
    """The part that must be equal in two nodes to merge them; None for a node that cannot be
    merged.
    """
    if isinstance(node, Loop):
        return None
    if isinstance(node, Branches):
        chains = tuple(tuple(map(shape_of, chain)) for chain in node.chains)
        is_tied = any(None in chain for chain in chains)
        return None if is_tied else (chains, node.join.kind, repr(node.join.call))
    if any(isinstance(leaf, Named) for one in node for leaf in leaves(one.takes)):
        return None
    shapes = tuple(map(_shape_of_one, node))
    return None if None in shapes else shapes


def _shape_of_one(one: Statement) -> object | None:
    if one.inside is None:
        return one.shape
    inside = shape_of(one.inside)
    return None if inside is None else (one.takes, inside)


def lines_of(node: Node) -> int:
    """The approximate number of lines of a node."""
    if isinstance(node, Branches):
        return 2 + sum(max(1, sum(map(lines_of, chain))) for chain in node.chains)
    if isinstance(node, Loop):
        return 1 + sum(map(lines_of, node.body))
    return sum(1 if one.inside is None else lines_of(one.inside) for one in node)


def unified(nodes: Sequence[Node], change: Callable[[list[Statement]], Statement]) -> Node:
    """One node for several of the same shape; `change` merges several statements into one."""
    first = nodes[0]
    assert not isinstance(first, Loop)
    if not isinstance(first, Branches):
        atoms: list[Any] = list(nodes)
        return tuple(_unified(list(ones), change) for ones in zip(*atoms, strict=True))
    several = [one for one in nodes if isinstance(one, Branches)]
    chains: Any = tuple(
        tuple(unified(items, change) for items in zip(*same, strict=True))
        for same in zip(*(one.chains for one in several), strict=True)
    )
    return Branches(chains, change([one.join for one in several]))


def _unified(ones: list[Statement], change: Callable[[list[Statement]], Statement]) -> Statement:
    groups = [one.inside for one in ones if one.inside is not None]
    if not groups:
        return change(ones)
    inside = unified(groups, change)
    assert isinstance(inside, Branches)
    return replace(ones[0], inside=inside, name=inside.join.name, counted="")


def lists_in(nodes: Nodes, place: Place) -> Iterator[tuple[Place, Nodes]]:
    """Every list of nodes: these, the chains in them, and the chains inside atoms."""
    yield place, nodes
    for index, node in enumerate(nodes):
        if isinstance(node, Branches):
            for number, chain in enumerate(node.chains):
                yield from lists_in(chain, (*place, index, number))
        elif not isinstance(node, Loop) and len(node) > 1:
            for start, run in runs(node):
                yield from lists_in(_steps(run), (*place, index, f"run {start}"))


def _steps(run: Atom) -> Nodes:
    """The statements of a chain as nodes."""
    return tuple(one.inside or (replace(one, takes=BEFORE),) for one in run)


def runs(atom: Atom) -> Iterator[tuple[int, Atom]]:
    """The chains of an atom in which each statement is the only consumer of the previous one, and
    groups that are in no chain.
    """
    uses = Counter(index for one in atom for index in local_indices(one))
    start = 0
    for index in range(1, len(atom) + 1):
        is_end = index == len(atom)
        if not is_end and atom[index].takes == Local(index - 1) and uses[index - 1] == 1:
            continue
        if not isinstance(atom[start].takes, (Local, Named)):  # a join, before a chain
            start += 1
        if index - start > 1 or (index > start and atom[start].inside is not None):
            yield start, atom[start:index]
        start = index


def replaced(
    nodes: Nodes, place: Place, uses: Mapping[Place, Mapping[int, Atom]], length: int
) -> Nodes:
    """The nodes with `length` of them replaced at each start of a use."""
    found: list[Node] = []
    starts = uses.get(place, {})
    index = 0
    while index < len(nodes):
        if index in starts:
            found.append(starts[index])
            index += length
        else:
            found.append(_replaced_inside(nodes[index], (*place, index), uses, length))
            index += 1
    return tuple(found)


def _replaced_inside(
    node: Node, place: Place, uses: Mapping[Place, Mapping[int, Atom]], length: int
) -> Node:
    """A node with the lists in it replaced at each start of a use."""
    if isinstance(node, Branches):
        chains: Any = tuple(
            replaced(chain, (*place, number), uses, length)
            for number, chain in enumerate(node.chains)
        )
        return replace(node, chains=chains)
    if isinstance(node, Loop) or len(node) == 1:
        return node
    inner: dict[int, Atom] = {}
    changed = list(node)
    for start, run in runs(node):
        of_run = (*place, f"run {start}")
        inner.update({start + at: use for at, use in uses.get(of_run, {}).items()})
        for at, one in enumerate(run):
            if one.inside is not None:
                group = _replaced_inside(one.inside, (*of_run, at), uses, length)
                assert isinstance(group, Branches)
                changed[start + at] = replace(one, inside=group)
    return shorter(tuple(changed), inner, length)


def shorter(atom: Atom, uses: Mapping[int, Atom], length: int) -> Atom:
    """An atom with chains replaced; consumers of their last statement then consume the use."""
    found: list[Statement] = []
    new_place = {-1: -1}

    def moved(leaf: Leaf) -> Leaf:
        return Local(new_place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    index = 0
    while index < len(atom):
        one, size = atom[index], 1
        if index in uses:
            one, size = replace(uses[index][0], takes=atom[index].takes), length
        found.append(rewired(one, moved))
        for inside in range(index, index + size):
            new_place[inside] = len(found) - 1
        index += size
    return tuple(found)

"""A model's layers as a tree: steps, branches that meet again, and what is more tangled than both.

A stretch of such nodes means the same wherever it stands, so that it can become a block or the body
of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .branches import Branches, as_branches, is_step
from .statements import BEFORE, Atom, Leaf, Local, Named, Statement, frozen, leaves, mapped


@dataclass(frozen=True)
class Loop:
    """A `for` around entries."""

    variable: str
    values: Any
    index: str | None
    body: tuple[Node, ...]
    rounds: int | None = None
    """How many times, where nothing but names differs."""


COUNTED = "_$(i + 1)"
"""The end of the names that `repeat` gives."""

Node: TypeAlias = "Atom | Branches | Loop"
Nodes: TypeAlias = "tuple[Node, ...]"
Place: TypeAlias = "tuple[object, ...]"
"""Which list of nodes: a block's name or none, then the node and the chain in it at every level."""


def tree(atoms: Sequence[Atom]) -> Nodes:
    """Atoms as nodes: those that are branches as branches."""
    return tuple((as_branches(atom) or in_runs(atom)) if len(atom) > 1 else atom for atom in atoms)


def in_runs(atom: Atom) -> Atom:
    """The same statements with each behind the one that it alone takes, where that can be."""
    takes = [
        [leaf.index for leaf in leaves(one.takes) if isinstance(leaf, Local) and leaf.index >= 0]
        for one in atom
    ]
    users: list[list[int]] = [[] for _ in atom]
    for index, sources in enumerate(takes):
        for source in sources:
            users[source].append(index)
    missing = [len(set(sources)) for sources in takes]
    missing[-1] += 1  # what the atom gives stays its last
    order: list[int] = []
    waiting = [index for index in reversed(range(len(atom))) if not missing[index]]
    while waiting or len(order) < len(atom) - 1:
        index = waiting.pop()
        order.append(index)
        freed = []
        for user in sorted(set(users[index])):
            missing[user] -= 1
            if not missing[user]:
                freed.append(user)
        waiting.extend(reversed(freed))
    order.append(len(atom) - 1)
    place = {-1: -1, **{old: new for new, old in enumerate(order)}}

    def moved(leaf: Leaf) -> Leaf:
        return Local(place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    return tuple(replace(atom[old], takes=frozen(mapped(atom[old].takes, moved))) for old in order)


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
        yield from node


def is_repeated(loop: Loop) -> bool:
    """Whether a loop is one layer that is named by nothing but its number, which `repeat` says
    too.
    """
    node = loop.body[0]
    if (
        loop.rounds is None
        or len(loop.body) > 1
        or isinstance(node, (Branches, Loop))
        or not is_step(node)
    ):
        return False
    name = node[0].name
    return name is None or (name.endswith(COUNTED) and "$" not in name.removesuffix(COUNTED))


def shape_of(node: Node) -> object | None:
    """What has to be the same in two nodes that one can be written for; None for one that stays
    where it is.
    """
    if isinstance(node, Loop):
        return None
    if isinstance(node, Branches):
        chains = tuple(tuple(shape_of(item) for item in chain) for chain in node.chains)
        return (
            None
            if any(None in chain for chain in chains)
            else (chains, node.join.kind, repr(node.join.call))
        )
    if any(isinstance(leaf, Named) for one in node for leaf in leaves(one.takes)):
        return None
    return tuple(one.shape for one in node)


def lines_of(node: Node) -> int:
    """About how many lines a node takes."""
    if isinstance(node, Branches):
        return 2 + sum(max(1, sum(map(lines_of, chain))) for chain in node.chains)
    return sum(1 for _ in statements_of(node))


def unified(nodes: Sequence[Node], change: Callable[[list[Statement]], Statement]) -> Node:
    """One node for several of the same shape; `change` gives one statement for several."""
    first = nodes[0]
    if isinstance(first, Branches):
        several = [one for one in nodes if isinstance(one, Branches)]
        chains: Any = tuple(
            tuple(
                unified([one.chains[at][place] for one in several], change)
                for place in range(len(chain))
            )
            for at, chain in enumerate(first.chains)
        )
        return Branches(chains, change([one.join for one in several]))
    assert not isinstance(first, Loop)
    atoms: list[Any] = list(nodes)
    return tuple(change([atom[place] for atom in atoms]) for place in range(len(first)))


def lists_in(nodes: Nodes, place: Place) -> Iterator[tuple[Place, Nodes]]:
    """Every list of nodes: these, the chains in them, and what is a chain in something tangled."""
    yield place, nodes
    for index, node in enumerate(nodes):
        if isinstance(node, Branches):
            for number, chain in enumerate(node.chains):
                yield from lists_in(chain, (*place, index, number))
        elif not isinstance(node, Loop) and len(node) > 1:
            for start, run in runs(node):
                yield (
                    (*place, index, f"run {start}"),
                    tuple((replace(one, takes=BEFORE),) for one in run),
                )


def runs(atom: Atom) -> Iterator[tuple[int, Atom]]:
    """The stretches of an atom in which each statement takes the one before, which nothing else
    takes.
    """
    users: dict[int, int] = {}
    for one in atom:
        for leaf in leaves(one.takes):
            if isinstance(leaf, Local):
                users[leaf.index] = users.get(leaf.index, 0) + 1
    start = 0
    for index in range(1, len(atom) + 1):
        goes_on = (
            index < len(atom)
            and atom[index].takes == Local(index - 1)
            and users.get(index - 1) == 1
        )
        if not goes_on:
            if isinstance(atom[start].takes, (Local, Named)) and index - start > 1:
                yield start, atom[start:index]
            start = index


def replaced(
    nodes: Nodes, place: Place, uses: Mapping[Place, Mapping[int, Atom]], length: int
) -> Nodes:
    """The nodes with `length` of them replaced wherever a use starts."""
    found: list[Node] = []
    starts = uses.get(place, {})
    index = 0
    while index < len(nodes):
        node = nodes[index]
        if index in starts:
            found.append(starts[index])
            index += length
            continue
        if isinstance(node, Branches):
            chains: Any = tuple(
                replaced(chain, (*place, index, number), uses, length)
                for number, chain in enumerate(node.chains)
            )
            node = replace(node, chains=chains)
        elif not isinstance(node, Loop) and len(node) > 1:
            inner = {
                start + at: use
                for start, _ in runs(node)
                for at, use in uses.get((*place, index, f"run {start}"), {}).items()
            }
            node = _shorter(node, inner, length) if inner else node
        found.append(node)
        index += 1
    return tuple(found)


def _shorter(atom: Atom, uses: Mapping[int, Atom], length: int) -> Atom:
    """An atom with stretches replaced, what takes their last statement taking the use."""
    found: list[Statement] = []
    new_place = {-1: -1}

    def moved(leaf: Leaf) -> Leaf:
        return Local(new_place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    index = 0
    while index < len(atom):
        one, size = atom[index], 1
        if index in uses:
            one, size = replace(uses[index][0], takes=atom[index].takes), length
        found.append(replace(one, takes=frozen(mapped(one.takes, moved))))
        for inside in range(index, index + size):
            new_place[inside] = len(found) - 1
        index += size
    return tuple(found)

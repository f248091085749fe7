"""The parts of an atom with one tensor in and one out, as branches: the residuals of a network
whose early tensors are used again near its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .branches import Branches, as_branches
from .statements import Atom, Leaf, Local, Statement, leaves, local_indices, rewired


class _Part(NamedTuple):
    """A join, and everything between it and the only tensor that it depends on."""

    entry: int
    """The statement of that tensor; -1 is the incoming tensor of the atom."""
    members: tuple[int, ...]
    """The statements, in order; the last is the join."""


@dataclass
class _Effort:
    """The remaining statements that are visited in the search of the parts of one atom."""

    left: int = 20_000


def grouped(atom: Atom, fixed: set[str]) -> Atom:
    """The atom with each such part as a single statement. `fixed` are names that are referenced
    from outside the atom.
    """
    users = _users(atom)
    effort = _Effort()
    groups: dict[int, Statement] = {}
    covered: set[int] = set()
    for end in reversed(range(len(atom))):
        part = None if end in covered else _part(atom, end, users, fixed, effort)
        group = _group(atom, part) if part is not None else None
        if part is not None and group is not None:
            groups[end] = group
            covered.update(part.members)
    return _with_groups(atom, groups, covered) if groups else atom


def _users(atom: Atom) -> list[set[int]]:
    """The consumers of each statement in the atom."""
    found: list[set[int]] = [set() for _ in atom]
    for place, one in enumerate(atom):
        for index in local_indices(one):
            if index >= 0:
                found[index].add(place)
    return found


def _part(
    atom: Atom, end: int, users: Sequence[set[int]], fixed: set[str], effort: _Effort
) -> _Part | None:
    """The part that a join closes; None if a tensor in it is used elsewhere.

    The statement with the largest index is followed back first: no other one can depend on it.
    """
    if not isinstance(atom[end].takes, tuple) or not _is_plain(atom[end]):
        return None
    members = {end}
    waiting = set(local_indices(atom[end]))
    while len(waiting) > 1:
        last = max(waiting)
        effort.left -= 1
        is_closed = users[last] <= members and atom[last].counted not in fixed
        if not is_closed or not _is_plain(atom[last]) or effort.left < 0:
            return None
        waiting.remove(last)
        waiting.update(local_indices(atom[last]))
        members.add(last)
    if len(members) == 1:  # a join of one tensor with itself
        return None
    return _Part(waiting.pop(), tuple(sorted(members)))


def _is_plain(statement: Statement) -> bool:
    """Whether a statement takes only first outputs of the atom."""
    return all(isinstance(leaf, Local) and not leaf.output for leaf in leaves(statement.takes))


def _group(atom: Atom, part: _Part) -> Statement | None:
    """The part as one statement; None if its wiring is not that of branches."""
    place = {part.entry: -1, **{old: new for new, old in enumerate(part.members)}}
    inside = as_branches(_placed([atom[index] for index in part.members], place))
    if inside is None:
        return None
    return _statement(inside, part.entry)


def _statement(inside: Branches, entry: int) -> Statement:
    join = inside.join
    return Statement(
        join.kind, takes=Local(entry), name=join.name, counted=join.counted, inside=inside
    )


def _with_groups(atom: Atom, groups: dict[int, Statement], covered: set[int]) -> Atom:
    """The atom without the statements in groups, and with each group in the place of its join."""
    kept = [index for index in range(len(atom)) if index in groups or index not in covered]
    place = {-1: -1, **{old: new for new, old in enumerate(kept)}}
    return _placed([groups.get(index, atom[index]) for index in kept], place)


def _placed(statements: Sequence[Statement], place: dict[int, int]) -> Atom:
    """The statements, with tensors by their new places."""

    def moved(leaf: Leaf) -> Leaf:
        return Local(place[leaf.index], leaf.output) if isinstance(leaf, Local) else leaf

    return tuple(rewired(one, moved) for one in statements)

"""The combinations of values of a sweep: all of a grid, and those that are checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import prod
from random import Random
from typing import Any, Final

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import Node, plain

from ..spec.sweep_section import Parameter
from .trials import Assignment, Space, node_of

MOST: Final = 1_000
"""The most combinations that are checked."""
_FEWEST: Final = 50
_COST: Final = 60_000
_COST_OF_A_SPEC: Final = 15
"""The most that all checked combinations cost, in layers: a spec costs as much as 15 of them. For a
large model fewer combinations are checked: a check takes seconds, not minutes.
"""
_MOST_COUNTED: Final = 100_000
"""Combinations of a grid with conditions that are counted one by one."""

Domains = Mapping[str, tuple[Node, ...]]
"""The values of each parameter that are combined, by path."""


@dataclass(frozen=True)
class Combinations:
    """Combinations of a space to check."""

    found: tuple[Assignment, ...]
    domains: Domains
    complete: bool
    """Whether they are all combinations of the listed values, of integers and of the ends of other
    ranges.
    """
    faults: tuple[Diagnostic, ...]
    """The faults of conditions."""
    most: int
    """The most combinations of such specs that are checked."""


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """The trials of a grid, as plain values by path: every combination, the last parameter changes
    fastest. A parameter whose condition does not hold has no value, and adds no combinations.
    """
    domains = {one.path: _nodes(one) for one in space.parameters}
    for one in _product(space, domains, []):
        yield {path: plain(node) for path, node in one.items()}


def grid_size(space: Space) -> int | None:
    """The number of trials of a grid; None for a continuous range, or if conditions leave too many
    to count.
    """
    counts = [one.count for one in space.parameters]
    if None in counts:
        return None
    whole = prod(count for count in counts if count is not None)
    if not space.is_conditional:
        return whole
    if whole > _MOST_COUNTED:
        return None
    return sum(1 for _ in grid(space))


def to_check(space: Space) -> Combinations:
    """The combinations that are checked before a sweep: all of them where there are few, else the
    corners of the space, else a sample of those, which depends on the space only.
    """
    graph = space.compiled.graph
    layers = max(1, graph.depth_first_calls if graph is not None else 1)
    most = min(MOST, max(_FEWEST, _COST // (_COST_OF_A_SPEC + layers)))
    faults: list[Diagnostic] = []
    for domains in (_whole(space, most), _corners(space)):
        if domains is not None and prod(map(len, domains.values())) <= most:
            found = tuple(_covering(space, domains, faults)) + tuple(
                _product(space, domains, faults)
            )
            return Combinations(_distinct(found), domains, True, tuple(faults), most)
    domains = _corners(space)
    rows = tuple(_covering(space, domains, faults))
    drawn = tuple(islice(_drawn(space, domains, faults), max(0, most - len(rows))))
    return Combinations(_distinct(rows + drawn), domains, False, tuple(faults), most)


def _whole(space: Space, most: int) -> Domains | None:
    """All values; of a continuous range its ends. None if there are too many."""
    counts = [one.count or 2 for one in space.parameters]
    return {one.path: _nodes(one) for one in space.parameters} if prod(counts) <= most else None


def _corners(space: Space) -> Domains:
    """All listed values, and the ends of ranges."""
    return {one.path: one.nodes for one in space.parameters}


def _nodes(one: Parameter) -> tuple[Node, ...]:
    """The values of a parameter as nodes, each at its place; of a continuous range its ends."""
    if one.kind == "values" or one.is_continuous:
        return one.nodes
    first, last = one.nodes
    whole = first.span.to(last.span) if first.span.source is last.span.source else first.span
    count = one.count or 0
    inner = tuple(node_of(one.point(index), whole) for index in range(1, count))
    return (first, *inner[:-1], last if one.point(count - 1) == one.high else inner[-1])


def _product(space: Space, domains: Domains, faults: list[Diagnostic]) -> Iterator[Assignment]:
    """Every combination, without the parameters whose condition does not hold."""

    def below(at: int, values: Assignment) -> Iterator[Assignment]:
        if at == len(space.parameters):
            yield dict(values)
            return
        one = space.parameters[at]
        if not _is_active(space, one, values, faults):
            yield from below(at + 1, values)
            return
        for node in domains[one.path]:
            yield from below(at + 1, {**values, one.path: node})

    yield from below(0, {})


def _covering(space: Space, domains: Domains, faults: list[Diagnostic]) -> Iterator[Assignment]:
    """As few combinations as possible that contain each value, if no condition leaves it out."""
    for row in range(max(map(len, domains.values()), default=0)):
        values: Assignment = {}
        for one in space.parameters:
            nodes = domains[one.path]
            if _is_active(space, one, values, faults):
                values[one.path] = nodes[row % len(nodes)]
        yield values


def _drawn(space: Space, domains: Domains, faults: list[Diagnostic]) -> Iterator[Assignment]:
    """Random combinations, without end."""
    random = Random(0)  # noqa: S311  # the same combinations every time
    while True:
        values: Assignment = {}
        for one in space.parameters:
            node = random.choice(domains[one.path])
            if _is_active(space, one, values, faults):
                values[one.path] = node
        yield values


def _is_active(space: Space, one: Parameter, values: Assignment, faults: list[Diagnostic]) -> bool:
    found = space.activity(one, values)
    known = {(fault.code, fault.span) for fault in faults}
    faults += [fault for fault in found.diagnostics if (fault.code, fault.span) not in known]
    return found.value


def key_of(values: Assignment) -> tuple[tuple[str, str], ...]:
    """A combination for comparison."""
    return tuple((path, repr(plain(node))) for path, node in values.items())


def _distinct(found: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
    return tuple({key_of(one): one for one in found}.values())

"""Loops: consecutive repetitions of a sequence of layers, written once, with the differences as
values of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from .anti_unification import Different, Parameters, name_text, settings_vectors
from .branches import Branches, is_step
from .layer_tree import (
    Loop,
    Node,
    Nodes,
    is_repeated,
    lines_of,
    runs,
    shape_of,
    shorter,
    statements_of,
    unified,
)
from .statements import Atom, Statement

_LONGEST = 24
"""Nodes of a loop's body."""

Defaults = Mapping[str, Mapping[str, Any]]
"""The parameters of blocks with their defaults."""


@dataclass
class Effort:
    """The remaining budget of node comparisons: a model that exceeds it is written without
    loops.
    """

    left: int = 20_000
    """EfficientNetV2L, which needs most of the Keras models, needs 2,456."""

    def takes(self, nodes: int) -> bool:
        """Whether this many comparisons are left; they are then subtracted."""
        self.left -= nodes
        return self.left > 0


def loops(nodes: Nodes, blocks: Defaults, fixed: set[str], effort: Effort) -> Nodes:
    """The nodes with consecutive repetitions as loops. `fixed` are names that are referenced
    elsewhere.
    """
    return tuple(_looped(nodes, blocks, fixed, effort))


def _looped(nodes: Nodes, blocks: Defaults, fixed: set[str], effort: Effort) -> Iterator[Node]:
    numbers: dict[object, int] = {}
    shapes = [_number(node, fixed, numbers) for node in nodes]
    counts = [_rounds(shapes, length) for length in range(1, _LONGEST + 1)]
    start = 0
    while start < len(nodes):
        candidates = [
            _loop(nodes, start, length, rounds[start], blocks, effort)
            for length, rounds in enumerate(counts, 1)
            if rounds[start] > 1
        ]
        found = [one for one in candidates if one is not None]
        if found:
            best = max(found, key=lambda one: one.gain)
            yield best.loop
            start += best.length
        else:
            yield _looped_inside(nodes[start], blocks, fixed, effort)
            start += 1


def _looped_inside(node: Node, blocks: Defaults, fixed: set[str], effort: Effort) -> Node:
    """A node with the repetitions in its chains as loops."""
    if isinstance(node, Branches):
        chains: Any = tuple(loops(chain, blocks, fixed, effort) for chain in node.chains)
        return replace(node, chains=chains)
    if isinstance(node, Loop) or len(node) == 1:
        return node
    return with_repeats(tuple(_group_looped(one, blocks, fixed, effort) for one in node), fixed)


def _group_looped(one: Statement, blocks: Defaults, fixed: set[str], effort: Effort) -> Statement:
    if one.inside is None:
        return one
    inside = _looped_inside(one.inside, blocks, fixed, effort)
    assert isinstance(inside, Branches)
    return replace(one, inside=inside)


def with_repeats(atom: Atom, fixed: set[str]) -> Atom:
    """An atom in which consecutive equal statements are one with the setting `repeat`."""
    found = atom
    for start, run in reversed(list(runs(atom))):
        for first, last in reversed(list(_equal(run, fixed))):
            count = last - first + 1
            one = replace(run[last], settings={**run[last].settings, "repeat": count})
            found = shorter(found, {start + first: (one,)}, count)
    return found


def _equal(run: Atom, fixed: set[str]) -> Iterator[tuple[int, int]]:
    """The first and the last of each sequence of equal statements without names."""

    def key(one: Statement) -> object:
        is_tied = one.inside is not None or one.name is not None or one.counted in fixed
        return id(one) if is_tied else (one.kind, repr(one.settings), repr(one.call))

    first = 0
    for _, ones in groupby(run, key):
        last = first + len(list(ones)) - 1
        if last > first:
            yield first, last
        first = last + 1


def _number(node: Node, fixed: set[str], numbers: dict[object, int]) -> int | None:
    """The same number for nodes of the same shape; None for a node that cannot be in a loop."""
    step = isinstance(node, Branches) or (not isinstance(node, Loop) and is_step(node))
    if not step or any(one.counted in fixed for one in statements_of(node)):
        return None
    shape = shape_of(node)
    return None if shape is None else numbers.setdefault(shape, len(numbers))


def _rounds(shapes: Sequence[int | None], length: int) -> list[int]:
    """The number of consecutive repetitions of the sequence of a length that starts at each
    position, including the first.
    """
    same = 0
    found = [1] * len(shapes)
    for start in reversed(range(len(shapes) - length)):
        is_again = shapes[start] is not None and shapes[start] == shapes[start + length]
        same = same + 1 if is_again else 0
        found[start] = same // length + 1
    return found


class _Found(NamedTuple):
    """A loop that saves lines."""

    gain: int
    """The number of saved lines."""
    length: int
    """The number of replaced nodes."""
    loop: Loop


def _loop(
    nodes: Nodes, start: int, length: int, count: int, blocks: Defaults, effort: Effort
) -> _Found | None:
    """The loop with a body of `length` nodes from `start`, with at most `count` rounds."""

    def unrolled(rounds: int) -> Loop | None:
        if not effort.takes(rounds * length):
            return None
        starts = range(start, start + rounds * length, length)
        return _unrolled([nodes[at : at + length] for at in starts], blocks)

    rounds, loop = _most_rounds(count, unrolled)
    if loop is None:
        return None
    size = sum(map(lines_of, nodes[start : start + length]))
    gain = (rounds - 1) * size - _frame(loop)
    return _Found(gain, rounds * length, loop) if gain > 0 else None


def _most_rounds(most: int, unrolled: Callable[[int], Loop | None]) -> tuple[int, Loop | None]:
    """The largest number of rounds with a common form, and their loop.

    If many rounds have a common form, fewer rounds have one too: the maximum is found by doubling,
    then by bisection.
    """
    rounds, step = 1, 1
    loop: Loop | None = None
    while rounds < most:
        tried = min(rounds + step, most)
        found = unrolled(tried)
        if found is not None:
            rounds, loop, step = tried, found, 2 * step
        else:
            most, step = tried - 1, max(1, min(step, most - rounds) // 2)
    return rounds, loop


def _frame(loop: Loop) -> int:
    """The lines of a loop besides its body."""
    if is_repeated(loop):
        return 0
    over_mappings = isinstance(loop.values, list) and isinstance(loop.values[0], dict)
    return 2 + (len(loop.values) if over_mappings else 0)


def _unrolled(rounds: list[Nodes], blocks: Defaults) -> Loop | None:
    """One loop for several rounds of the same structure; None without a common form."""
    try:
        parameters = Parameters()
        body = _body(rounds, parameters, blocks)
        if len(parameters.vectors) > 1:
            parameters = Parameters(owner="each.")
            body = _body(rounds, parameters, blocks)
    except Different:
        return None
    vectors = parameters.vectors
    if not vectors:
        return Loop("i", f"$(range({len(rounds)}))", None, body, len(rounds))
    index = "i" if _counts_rounds(body) else None
    if len(vectors) == 1:
        ((name, values),) = vectors.items()
        return Loop(name, values, index, body)
    rows = zip(*vectors.values(), strict=True)
    return Loop("each", [dict(zip(vectors, row, strict=True)) for row in rows], index, body)


def _counts_rounds(body: Nodes) -> bool:
    """Whether a name in a loop's body uses the number of the round."""
    names = [str(one.name) for node in body for one in statements_of(node)]
    return any("$(i" in name or "* i" in name for name in names)


def _body(rounds: list[Nodes], parameters: Parameters, blocks: Defaults) -> Nodes:
    def statement(ones: list[Statement]) -> Statement:
        kind = ones[0].kind
        names = [one.name for one in ones if one.name is not None]
        if names and len(names) < len(ones):
            raise Different
        vectors = settings_vectors(kind, [one.settings for one in ones], dict(blocks.get(kind, {})))
        settings = {key: parameters.text(key, values) for key, values in vectors.items()}
        name = name_text(names, "i", parameters) if names else None
        if name is not None and "$" not in name:
            raise Different
        return replace(ones[0], settings=settings, name=name, counted=names[-1] if names else "")

    return tuple(unified(nodes, statement) for nodes in zip(*rounds, strict=True))

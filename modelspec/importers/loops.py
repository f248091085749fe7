"""What follows on itself, as a loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .branches import Branches, is_step
from .statements import Statement
from .structure import Loop, Node, Nodes, is_repeated, lines_of, shape_of, statements_of, unified
from .unify import Different, Parameters, name_text, settings_vectors

_LONGEST = 24
"""Nodes of a loop's body."""

Defaults = Mapping[str, Mapping[str, Any]]
"""The parameters of blocks with their defaults."""


@dataclass
class Effort:
    """How many more nodes may be compared: a model that is made to be slow is written out
    instead.
    """

    left: int = 20_000
    """EfficientNetV2L, which takes most of Keras's own, takes 2,456."""

    def takes(self, nodes: int) -> bool:
        """Whether as many may be compared, which are then taken off."""
        self.left -= nodes
        return self.left > 0


def loops(nodes: Nodes, blocks: Defaults, fixed: set[str], effort: Effort) -> Nodes:
    """The nodes with what follows on itself in loops. `fixed` are names that something else refers
    to.
    """
    return tuple(_looped(nodes, blocks, fixed, effort))


def _looped(nodes: Nodes, blocks: Defaults, fixed: set[str], effort: Effort) -> Iterator[Node]:
    numbers: dict[object, int] = {}
    shapes = [_number(node, fixed, numbers) for node in nodes]
    counts = [_rounds(shapes, length) for length in range(1, _LONGEST + 1)]
    start = 0
    while start < len(nodes):
        best: tuple[int, int, Loop] | None = None
        for length, rounds in enumerate(counts, 1):
            found = (
                _loop(nodes, start, length, rounds[start], blocks, effort)
                if rounds[start] > 1
                else None
            )
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is None:
            yield nodes[start]
            start += 1
        else:
            yield best[2]
            start += best[1]


def _number(node: Node, fixed: set[str], numbers: dict[object, int]) -> int | None:
    """The same number for nodes of one shape; None for one that a loop cannot hold."""
    step = isinstance(node, Branches) or (not isinstance(node, Loop) and is_step(node))
    if not step or any(one.counted in fixed for one in statements_of(node)):
        return None
    shape = shape_of(node)
    return None if shape is None else numbers.setdefault(shape, len(numbers))


def _rounds(shapes: Sequence[int | None], length: int) -> list[int]:
    """How often the stretch of a length that starts at each place follows on itself, itself
    included.
    """
    same = 0
    found = [0] * len(shapes)
    for start in reversed(range(len(shapes))):
        again = start + length
        same = (
            same + 1
            if again < len(shapes) and shapes[start] is not None and shapes[start] == shapes[again]
            else 0
        )
        found[start] = same // length + 1
    return found


def _loop(
    nodes: Nodes, start: int, length: int, count: int, blocks: Defaults, effort: Effort
) -> tuple[int, int, Loop] | None:
    """Lines saved, nodes taken, and the loop with a body of `length` that begins at `start`.

    What has a common form for many rounds has one for fewer: the most are found by doubling, then
    by halves.
    """

    def unrolled(rounds: int) -> Loop | None:
        if not effort.takes(rounds * length):
            return None
        return _unrolled(
            [nodes[start + at * length : start + (at + 1) * length] for at in range(rounds)], blocks
        )

    rounds, most, loop = 1, count, None
    step = 1
    while rounds < most:
        tried = min(rounds + step, most)
        found = unrolled(tried)
        if found is not None:
            rounds, loop, step = tried, found, 2 * step
        else:
            most, step = tried - 1, max(1, min(step, most - rounds) // 2)
    if loop is None:
        return None
    size = sum(map(lines_of, nodes[start : start + length]))
    each = isinstance(loop.values, list) and isinstance(loop.values[0], dict)
    frame = 0 if is_repeated(loop) else 2 + (len(loop.values) if each else 0)
    gain = (rounds - 1) * size - frame
    return (gain, rounds * length, loop) if gain > 0 else None


def _unrolled(rounds: list[Nodes], blocks: Defaults) -> Loop | None:
    """One loop for several rounds of the same structure; None where they have no common form."""
    try:
        parameters = Parameters()
        body = _body(rounds, parameters, blocks)
        if len(parameters.vectors) > 1:
            parameters = Parameters(owner="each.")
            body = _body(rounds, parameters, blocks)
    except Different:
        return None
    vectors = parameters.vectors
    names = [str(one.name) for node in body for one in statements_of(node)]
    counted = any("$(i" in name or "* i" in name for name in names)
    if not vectors:
        return Loop("i", f"$(range({len(rounds)}))", None, body, len(rounds))
    if len(vectors) == 1:
        ((name, values),) = vectors.items()
        return Loop(name, values, "i" if counted else None, body)
    each = [
        {name: values[number] for name, values in vectors.items()} for number in range(len(rounds))
    ]
    return Loop("each", each, "i" if counted else None, body)


def _body(rounds: list[Nodes], parameters: Parameters, blocks: Defaults) -> Nodes:
    def statement(ones: list[Statement]) -> Statement:
        names = [one.name for one in ones if one.name is not None]
        if names and len(names) < len(ones):
            raise Different
        kind = ones[0].kind
        vectors = settings_vectors(kind, [one.settings for one in ones], dict(blocks.get(kind, {})))
        settings = {key: parameters.text(key, values) for key, values in vectors.items()}
        name = name_text(names, "i", parameters) if names else None
        if name is not None and "$" not in name:
            raise Different
        return replace(ones[0], settings=settings, name=name, counted="")

    return tuple(unified(nodes, statement) for nodes in zip(*rounds, strict=True))

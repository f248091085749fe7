"""What follows on itself, as a loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .branches import Branches, is_step
from .nodes import Loop, Node, Nodes, is_repeated, lines_of, shape_of, statements_of, unified
from .statements import Statement
from .unify import Different, Parameters, name_text, settings_vectors

_LONGEST = 24
"""Nodes of a loop's body."""

Defaults = Mapping[str, Mapping[str, Any]]
"""The parameters of blocks with their defaults."""


def loops(nodes: Nodes, blocks: Defaults, fixed: set[str]) -> Nodes:
    """The nodes with what follows on itself in loops. `fixed` are names that something else refers to."""
    return tuple(_looped(nodes, blocks, fixed))


def _looped(nodes: Nodes, blocks: Defaults, fixed: set[str]) -> Iterator[Node]:
    shapes = [None if any(one.counted in fixed for one in statements_of(node)) else shape_of(node) for node in nodes]
    start = 0
    while start < len(nodes):
        best: tuple[int, int, Loop] | None = None
        for length in range(1, min(_LONGEST, (len(nodes) - start) // 2) + 1):
            found = _loop(nodes, shapes, start, length, blocks)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is None:
            yield nodes[start]
            start += 1
        else:
            yield best[2]
            start += best[1]


def _loop(nodes: Nodes, shapes: Sequence[object | None], start: int, length: int, blocks: Defaults
          ) -> tuple[int, int, Loop] | None:
    """Lines saved, nodes taken, and the loop with a body of `length` that begins at `start`."""
    unit = shapes[start : start + length]
    if None in unit or not all(isinstance(one, Branches) or (not isinstance(one, Loop) and is_step(one))
                               for one in nodes[start : start + length]):
        return None
    count = 1
    while shapes[start + count * length : start + (count + 1) * length] == unit:
        count += 1
    size = sum(map(lines_of, nodes[start : start + length]))
    for rounds in range(count, 1, -1):
        loop = _unrolled([nodes[start + at * length : start + (at + 1) * length] for at in range(rounds)], blocks)
        if loop is not None:
            each = isinstance(loop.values, list) and isinstance(loop.values[0], dict)
            frame = 0 if is_repeated(loop) else 2 + (len(loop.values) if each else 0)
            gain = (rounds - 1) * size - frame
            return (gain, rounds * length, loop) if gain > 0 else None
    return None


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
        (name, values), = vectors.items()
        return Loop(name, values, "i" if counted else None, body)
    each = [{name: values[number] for name, values in vectors.items()} for number in range(len(rounds))]
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

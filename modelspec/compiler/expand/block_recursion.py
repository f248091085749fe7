"""Blocks that use themselves, directly or through others: an error even if a `when` would stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelspec.core.diagnostics import Collector, Fault, Span, listed
from modelspec.core.source import Node, Scalar, Sequence


def refuse_recursion(layers: Mapping[str, Node | None], collector: Collector) -> set[str]:
    """The blocks that use themselves, each cycle reported. `layers` are those of every block, None
    for an invalid block.
    """
    uses = {
        name: list(_uses(node, layers)) if node is not None else [] for name, node in layers.items()
    }
    finished: set[str] = set()
    recursive: set[str] = set()
    for name in layers:
        if name not in finished:
            for cycle, span in _cycles(name, uses, finished):
                recursive.update(cycle)
                _report(cycle, span, collector)
    return recursive


def _cycles(
    start: str, uses: Mapping[str, list[tuple[str, Span]]], finished: set[str]
) -> Iterator[tuple[list[str], Span]]:
    """The cycles reached from `start`, each with the use that closes it: depth first, with a list
    instead of recursion.
    """
    path, rest = {start: 0}, [iter(uses[start])]
    while path:
        step = next(rest[-1], None)
        if step is None:
            finished.add(path.popitem()[0])
            rest.pop()
            continue
        name, span = step
        if name in path:
            yield list(path)[path[name] :], span
        elif name not in finished:
            path[name] = len(path)
            rest.append(iter(uses[name]))


def _report(cycle: list[str], span: Span, collector: Collector) -> None:
    by_way = f", through {listed(cycle[1:])}" if len(cycle) > 1 else ""
    help = "use `repeat` or `for` to repeat layers"
    collector.report(Fault("MS131", f"block `{cycle[0]}` uses itself{by_way}", help=help), span)


def _uses(node: Node, blocks: Mapping[str, Node | None]) -> Iterator[tuple[str, Span]]:
    """Every kind in a list of layers (including nested lists) that is a block, and its place."""
    if isinstance(node, Scalar):
        if isinstance(node.value, str) and node.value in blocks:
            yield node.value, node.span
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _uses(item, blocks)
    else:
        for key, entry in node.entries.items():
            if key in blocks and len(node.entries) == 1:
                yield key, entry.key_span
            elif key in ("do", "else", "branches", "join", "layers"):
                yield from _uses(entry.value, blocks)

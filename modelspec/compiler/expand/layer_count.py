"""A lower bound of the number of layers of a list, without running its loops.

A few lines can ask for billions of layers. Most of them are refused before any loop is run; and the
count of identical rounds of a loop is known after the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .blocks import Block
from .expression_syntax import Misread, parse
from .identifiers import RESERVED
from .interpolation import is_expression, split
from .limits import DEPTH, LAYERS, VISITS

_MOST: Final = 10 * max(LAYERS, VISITS)
"""Above every limit: counting can stop."""
_ANY: Final = frozenset("*")
"""Used if the names are unknown: the count may depend on any name."""


class Count(NamedTuple):
    """The count of a list of entries."""

    layers: int = 0
    """The minimal number of layers."""
    visits: int = 0
    """The minimal number of entries, rounds and uses to process."""
    names: frozenset[str] = frozenset()
    """Names that affect the count. If the variables of a loop are not among them, its rounds are
    identical.
    """

    def __add__(self, other: object) -> Count:
        assert isinstance(other, Count)
        return Count(
            min(self.layers + other.layers, _MOST),
            min(self.visits + other.visits, _MOST),
            self.names | other.names,
        )

    def times(self, rounds: int) -> Count:
        rounds = min(rounds, _MOST)
        return Count(
            min(self.layers * rounds, _MOST), min((self.visits + 1) * rounds, _MOST), self.names
        )

    def unless(self, names: frozenset[str]) -> Count:
        """The same if it may also be left out, depending on the names."""
        return Count(0, 0, self.names | names)


def _sum(counts: Iterable[Count]) -> Count:
    """The sum of all; a set of names is not copied for each."""
    layers, visits, names = 0, 0, set[str]()
    for one in counts:
        layers, visits = min(layers + one.layers, _MOST), min(visits + one.visits, _MOST)
        names |= one.names
    return Count(layers, visits, frozenset(names))


class LayerCounter:
    """Counts entries, each block once."""

    def __init__(self, blocks: dict[str, Block | None]) -> None:
        self._blocks = blocks
        self._counts: dict[str, Count] = {}
        self._level = 1

    def entries(self, node: Node) -> Count:
        """The count of a list of entries."""
        if not isinstance(node, Sequence):
            return Count(0, 0, _names(node))
        if self._level > DEPTH:
            return Count(0, 0, _ANY)  # refused when it is run
        self._level += 1
        count = _sum(map(self._entry, node.items))
        self._level -= 1
        return count

    def _entry(self, node: Node) -> Count:
        if isinstance(node, Scalar):
            return (
                Count(0, 1, _names(node)) if is_expression(node) else self._call(node.value, None)
            )
        if isinstance(node, Sequence):
            return Count(0, 1)
        entries = node.entries
        if "do" in entries:
            return Count(0, 1) + self._group(node)
        if "branches" in entries:
            return Count(0, 1) + self._words(self._branches(node), entries)
        if len(entries) != 1:
            return Count(0, 1)
        kind, entry = next(iter(entries.items()))
        call = self._call(kind, entry.value)
        if isinstance(entry.value, Mapping):
            return self._words(call, entry.value.entries)
        return call.unless(_names(entry.value)) if is_expression(entry.value) else call

    def _call(self, kind: object, body: Node | None) -> Count:
        if kind not in self._blocks:
            return Count(1, 1)
        count = self._block(str(kind))
        block = self._blocks[str(kind)]
        if block is None or not count.names & block.parameters.keys():
            return Count(0, 1) + count
        given = body.entries if isinstance(body, Mapping) else {}
        arguments = [_names(entry.value) for name, entry in given.items() if name not in RESERVED]
        names = frozenset().union(count.names - block.parameters.keys(), *arguments)
        return Count(count.layers, 1 + count.visits, names)

    def _block(self, name: str) -> Count:
        if name not in self._counts:
            self._counts[name] = (
                Count()
            )  # never requested before it is known: blocks do not use themselves
            block = self._blocks[name]
            if block is not None:
                self._counts[name] = self.entries(block.layers)
        return self._counts[name]

    def _words(self, count: Count, words: dict[str, Entry]) -> Count:
        """The same with `repeat` and `when`."""
        if repeat := words.get("repeat"):
            times = plain(repeat.value)
            if isinstance(times, int) and times >= 0:
                count = count.times(times)
            else:
                count = count.unless(_names(repeat.value))
        if when := words.get("when"):
            kept = plain(when.value)
            count = count if kept is True else count.unless(_names(when.value))
        return count

    def _group(self, node: Mapping) -> Count:
        words = node.entries
        count = self.entries(words["do"].value)
        if loop := words.get("for"):
            count = self._loop(count, loop.value, words)
        count = self._words(count, words)
        return (
            count + self.entries(words["else"].value).unless(frozenset())
            if "else" in words
            else count
        )

    def _loop(self, count: Count, head: Node, words: dict[str, Entry]) -> Count:
        if not isinstance(head, Mapping) or len(head.entries) != 1:
            return Count()
        variable, entry = next(iter(head.entries.items()))
        own = [variable, plain(words["index"].value) if "index" in words else None]
        inside = Count(
            count.layers, count.visits, frozenset(name for name in count.names if name not in own)
        )
        if isinstance(entry.value, Sequence):
            return inside.times(len(entry.value.items))
        return inside.unless(_names(entry.value))

    def _branches(self, node: Mapping) -> Count:
        several = node.entries["branches"].value
        if not isinstance(several, Sequence):
            return Count(0, 0, _names(several))
        join = self._entry(node.entries["join"].value) if "join" in node.entries else Count(1, 1)
        return _sum((join, *map(self._chain, several.items)))

    def _chain(self, node: Node) -> Count:
        """The count of one entry of `branches`: a list, or a loop over lists."""
        if isinstance(node, Mapping) and "do" in node.entries:
            return self._group(node)
        return self.entries(node)


def _names(node: Node) -> frozenset[str]:
    """Every name that the expressions in a node use."""
    if isinstance(node, Sequence):
        return frozenset().union(*map(_names, node.items))
    if isinstance(node, Mapping):
        return frozenset().union(*(_names(entry.value) for entry in node.entries.values()))
    return _names_in(str(node.value)) if is_expression(node) else frozenset()


def _names_in(text: str) -> frozenset[str]:
    try:
        read = [parse(part.text) for part in split(text) if part.expression]
    except Misread:
        return _ANY
    return frozenset(name.text for one in read for name in one.names)

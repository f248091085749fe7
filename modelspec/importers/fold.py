"""Repeated structure as blocks and loops: a block for a sequence of layers that occurs in several
places, a loop for consecutive repetitions of a sequence.

Greedy: the repetition that saves most lines becomes a block first, then the rest is searched again,
with the bodies of blocks, so that blocks use blocks. The caller verifies the result: it compiles
both specs and compares the graphs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from modelspec.catalog.layers import LAYERS

from .anti_unification import Different, Parameters, has_names, settings_vectors
from .block_names import name_by_kinds, name_by_prefixes, split_names
from .branches import Branches
from .layer_tree import (
    Node,
    Nodes,
    Place,
    lines_of,
    lists_in,
    replaced,
    shape_of,
    statements_of,
    tree,
    unified,
)
from .loops import Effort, loops
from .statements import Atom, Statement

_LONGEST = 24
"""Nodes of a block."""
_FRAME = 4
"""Lines of a block besides its layers."""
_MOST_BLOCKS = 40
_MOST_FOLDED = 2_500
"""The maximum number of layers of a model that is searched for blocks; loops are searched in every
model. NASNetLarge has 1,041.
"""


@dataclass(frozen=True)
class Block:
    """A block of the spec."""

    name: str
    parameters: Mapping[str, Any]
    """With their defaults; None: required."""
    body: Nodes


@dataclass
class Folded:
    """A model's layers, folded."""

    blocks: dict[str, Block] = field(default_factory=dict)
    body: Nodes = ()
    without_loops: Folded | None = None


def fold(atoms: Sequence[Atom], fixed: set[str], names: set[str], kinds: set[str]) -> Folded:
    """The atoms with repetitions as blocks and loops.

    `fixed` are names of statements that are referenced elsewhere, `names` all names; `kinds` are
    names that a block cannot have.
    """
    folder = _Folder(fixed, names, kinds)
    left = tree(atoms, fixed)
    if sum(map(len, atoms)) <= _MOST_FOLDED:
        left = folder.fold_blocks(left)
    defaults = {name: dict(block.parameters) for name, block in folder.blocks.items()}
    used = {one.kind for one in _statements(left)}
    for block in folder.blocks.values():
        used |= {one.kind for one in _statements(block.body)}
    effort = Effort()
    blocks = {
        name: replace(block, body=loops(block.body, defaults, set(), effort))
        for name, block in folder.blocks.items()
        if name in used
    }
    plain = {name: folder.blocks[name] for name in blocks}
    return Folded(blocks, loops(left, defaults, fixed, effort), Folded(plain, left))


def _statements(nodes: Iterable[Node]) -> Iterator[Statement]:
    for node in nodes:
        yield from statements_of(node)


class _Window(NamedTuple):
    """A sequence of nodes that occurs several times."""

    length: int
    places: tuple[tuple[Place, int], ...]
    """The lists and positions where it starts."""
    prefixes: tuple[str | None, ...]
    """The name of the block use at each occurrence."""
    gain: int
    """Lines that a block saves."""
    key: object


class _Occurrence(NamedTuple):
    """The position of a sequence of nodes."""

    place: Place
    start: int
    prefix: str | None


Ids: TypeAlias = tuple[int | None, ...]
"""A number for each node of a sequence, equal for nodes of the same shape."""


class _Folder:
    def __init__(self, fixed: set[str], names: set[str], kinds: set[str]) -> None:
        self.fixed = fixed
        self.names = names
        self.taken = names | kinds
        self.blocks: dict[str, Block] = {}
        self.refused: set[object] = set()
        self.numbers: dict[object, int] = {}
        self.named: dict[object, Counter[str]] = {}

    def fold_blocks(self, nodes: Nodes) -> Nodes:
        """The nodes with repetitions as blocks, as long as that saves lines."""
        while len(self.blocks) < _MOST_BLOCKS:
            found = self._best_block(nodes)
            if found is None:
                break
            nodes = found
        return nodes

    def _best_block(self, left: Nodes) -> Nodes | None:
        """The nodes with the repetition that saves most lines as a block; None without
        repetitions.
        """
        lists = dict(lists_in(left, ("",)))
        for name, block in self.blocks.items():
            lists.update(lists_in(block.body, (name,)))
        for window in sorted(self._windows(lists), key=lambda one: (-one.gain, one.length)):
            try:
                return self._made(window, lists, left)
            except Different:
                self.refused.add(window.key)
        return None

    def _windows(self, lists: Mapping[Place, Nodes]) -> Iterator[_Window]:
        """Every sequence of nodes for which a block would save lines."""
        self.named = {
            place[0]: Counter(one.name for one in _statements(nodes) if one.name is not None)
            for place, nodes in lists.items()
            if len(place) == 1
        }
        for shape, places in self._repeated(lists).items():
            place, start = places[0]
            size = sum(map(lines_of, lists[place][start : start + len(shape)]))
            saves = size > 1 and len(places) * (size - 1) > size + _FRAME
            if saves and not _is_periodic(shape):
                yield from self._named(shape, places, lists, size)

    def _repeated(self, lists: Mapping[Place, Nodes]) -> dict[Ids, list[tuple[Place, int]]]:
        """The start positions of each sequence of nodes that may become a block."""
        found: dict[Ids, list[tuple[Place, int]]] = {}
        for place, nodes in lists.items():
            ids = self._ids(nodes)
            for start in range(len(nodes)):
                for end in range(start + 1, min(start + _LONGEST, len(nodes)) + 1):
                    if ids[end - 1] is None:
                        break
                    found.setdefault(ids[start:end], []).append((place, start))
        return found

    def _named(
        self,
        shape: Ids,
        places: list[tuple[Place, int]],
        lists: Mapping[Place, Nodes],
        size: int,
    ) -> Iterator[_Window]:
        """The windows of the same shape, by the names in them."""
        length = len(shape)
        groups: dict[object, list[_Occurrence]] = {}
        for place, start in places:
            named = split_names(lists[place][start : start + length])
            if named is None or self._is_taken(named[0], place):
                continue
            prefix, suffixes = named
            group = groups.setdefault(suffixes, [])
            if not _has_prefix(group, place, prefix) and not _overlaps(group, place, start, length):
                group.append(_Occurrence(place, start, prefix))
        for endings, group in groups.items():
            gain = len(group) * size - size - _FRAME - len(group)
            key = (shape, endings, len(group))
            if gain > 0 and key not in self.refused:
                starts = tuple((one.place, one.start) for one in group)
                yield _Window(length, starts, tuple(one.prefix for one in group), gain, key)

    def _is_taken(self, prefix: str | None, place: Place) -> bool:
        """Whether a name belongs to the model, or to a statement of the same block."""
        return prefix in self.names or prefix in self.named.get(place[0], ())

    def _ids(self, nodes: Nodes) -> Ids:
        """A number for each node, equal for nodes of the same shape; None for a node that is
        referenced from outside.
        """
        found: list[int | None] = []
        for node in nodes:
            tied = any(one.counted in self.fixed for one in statements_of(node))
            shape = None if tied else shape_of(node)
            known = len(self.numbers)
            found.append(None if shape is None else self.numbers.setdefault(shape, known))
        return tuple(found)

    def _made(self, window: _Window, lists: Mapping[Place, Nodes], left: Nodes) -> Nodes:
        """The nodes with every occurrence replaced by a use of a new block. Raises `Different`."""
        occurrences = [
            lists[place][start : start + window.length] for place, start in window.places
        ]
        parameters = Parameters(closed=True)

        def statement(ones: list[Statement]) -> Statement:
            return self._statement(ones, parameters, window.prefixes)

        body = tuple(unified(nodes, statement) for nodes in zip(*occurrences, strict=True))
        name = self._name(body, window.prefixes)
        block = Block(name, {key: _usual(one) for key, one in parameters.vectors.items()}, body)
        uses: dict[Place, dict[int, Atom]] = {}
        for number, (place, start) in enumerate(window.places):
            values = {key: vector[number] for key, vector in parameters.vectors.items()}
            use = _use(block, values, window.prefixes[number], number)
            uses.setdefault(place, {})[start] = (use,)
        self.blocks = {
            key: replace(one, body=replaced(one.body, (key,), uses, window.length))
            for key, one in self.blocks.items()
        }
        self.blocks[name] = block
        return replaced(left, ("",), uses, window.length)

    def _statement(
        self, ones: list[Statement], parameters: Parameters, prefixes: Sequence[str | None]
    ) -> Statement:
        first = ones[0]
        name = first.name
        if name is not None and prefixes[0] is not None:
            name = name[len(prefixes[0]) + 1 :]
        kind = first.kind
        defaults = dict(self.blocks[kind].parameters) if kind in self.blocks else {}
        vectors = settings_vectors(kind, [one.settings for one in ones], defaults)
        own: dict[str, Any] = {}
        for key, values in vectors.items():
            value = parameters.text(key, values)
            is_default = key in defaults and value == defaults[key] and not has_names(value)
            if not is_default:
                own[key] = value
        return replace(first, name=name, counted="", settings=own)

    def _name(self, body: Nodes, prefixes: Sequence[str | None]) -> str:
        """A name for a block: from the common part of its uses, else from its layers."""
        base = name_by_prefixes(prefixes)
        if not base:
            kinds = [one.kind for one in _statements(body)]
            base = name_by_kinds(kinds, any(isinstance(node, Branches) for node in body))
        number, name = 1, base
        while name in self.blocks or name in LAYERS or name in self.taken:
            number, name = number + 1, f"{base}_{number + 1}"
        return name


def _use(block: Block, values: Mapping[str, Any], prefix: str | None, number: int) -> Statement:
    """An entry that is a use of a block."""
    given = {key: value for key, value in values.items() if value != block.parameters[key]}
    counted = prefix or f"{block.name}_{number + 1}"
    return Statement(block.name, given, name=prefix, counted=counted)


def _has_prefix(group: Sequence[_Occurrence], place: Place, prefix: str | None) -> bool:
    """Whether an occurrence in the same model or block already has the name."""
    if prefix is None:
        return False
    return any(one.place[0] == place[0] and one.prefix == prefix for one in group)


def _overlaps(group: Sequence[_Occurrence], place: Place, start: int, length: int) -> bool:
    """Whether the last occurrence overlaps one that starts here."""
    return bool(group) and group[-1].place == place and group[-1].start + length > start


def _is_periodic(ids: Ids) -> bool:
    """Whether a sequence is a repetition of a shorter one."""
    size = len(ids)
    return any(
        not size % period and ids[period:] == ids[:-period] for period in range(1, size // 2 + 1)
    )


def _usual(values: list[Any]) -> Any:
    """The most frequent value, as a default; None if all values differ, or if it is a parameter of
    the outer block.
    """
    if len({type(value) for value in values}) > 1:  # a parameter's type is that of its default
        return None
    ((value, count),) = Counter(map(repr, values)).most_common(1)
    found = next(one for one in values if repr(one) == value)
    return found if count > 1 and not has_names(found) else None

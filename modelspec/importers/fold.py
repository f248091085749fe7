"""Repeated structure as a person would write it: a block for what comes back, a loop for what
follows on itself.

Greedy: the repetition that saves most lines is folded first, then what is left is looked at again,
the new block with it, so that blocks come to be made of blocks. Nothing here has to be believed:
the caller compiles both specs and compares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from modelspec.catalog.layers import LAYERS

from .branches import Branches
from .loops import Effort, loops
from .statements import Atom, Statement
from .structure import (
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
from .unify import Different, Parameters, has_names, prefix_of, settings_vectors

_LONGEST = 24
"""Nodes of a block."""
_FRAME = 4
"""Lines that a block takes beside its layers."""
_MOST_BLOCKS = 40
_MOST_FOLDED = 2_500
"""Layers of a model in which blocks are looked for; loops are in every one. NASNetLarge has
1,041.
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


def fold(atoms: Sequence[Atom], fixed: set[str], names: set[str], kinds: set[str]) -> Folded:
    """The atoms with what repeats in blocks and loops.

    `fixed` are names of statements that something else refers to, `names` all that there are;
    `kinds` are names that a block cannot have.
    """
    folder = _Folder(fixed, names, kinds)
    left = tree(atoms)
    size = sum(map(len, atoms))
    while (
        size <= _MOST_FOLDED
        and len(folder.blocks) < _MOST_BLOCKS
        and (found := folder.block(left)) is not None
    ):
        left = found
    defaults = {name: dict(block.parameters) for name, block in folder.blocks.items()}
    used = {one.kind for node in left for one in statements_of(node)}
    used |= {
        one.kind
        for block in folder.blocks.values()
        for node in block.body
        for one in statements_of(node)
    }
    effort = Effort()
    blocks = {
        name: replace(block, body=loops(block.body, defaults, set(), effort))
        for name, block in folder.blocks.items()
        if name in used
    }
    return Folded(blocks, loops(left, defaults, fixed, effort))


class _Window(NamedTuple):
    """A stretch of nodes that occurs several times."""

    length: int
    places: tuple[tuple[Place, int], ...]
    """In which lists it starts, and where."""
    prefixes: tuple[str | None, ...]
    """The name that each occurrence gives its block."""
    gain: int
    key: object


class _Folder:
    def __init__(self, fixed: set[str], names: set[str], kinds: set[str]) -> None:
        self.fixed = fixed
        self.names = names
        self.taken = names | kinds
        self.blocks: dict[str, Block] = {}
        self.refused: set[object] = set()
        self.numbers: dict[object, int] = {}
        self.named: dict[object, Counter[str]] = {}

    def block(self, left: Nodes) -> Nodes | None:
        """The nodes with the repetition that saves most made a block; None where there is none."""
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
        found: dict[tuple[int | None, ...], list[tuple[Place, int]]] = {}
        self.named = {}
        for place, nodes in lists.items():
            if len(place) == 1:
                names = (
                    one.name
                    for node in nodes
                    for one in statements_of(node)
                    if one.name is not None
                )
                self.named[place[0]] = Counter(names)
            ids = self._ids(nodes)
            for start in range(len(nodes)):
                for length in range(1, min(_LONGEST, len(nodes) - start) + 1):
                    if ids[start + length - 1] is None:
                        break
                    found.setdefault(ids[start : start + length], []).append((place, start))
        for shape, places in found.items():
            size = sum(map(lines_of, lists[places[0][0]][places[0][1] : places[0][1] + len(shape)]))
            if size > 1 and len(places) * (size - 1) > size + _FRAME and not _is_periodic(shape):
                yield from self._named(shape, places, lists, size)

    def _named(
        self,
        shape: tuple[int | None, ...],
        places: list[tuple[Place, int]],
        lists: Mapping[Place, Nodes],
        size: int,
    ) -> Iterator[_Window]:
        """The windows of one shape, by the names in them."""
        length = len(shape)
        groups: dict[object, list[tuple[Place, int, str | None]]] = {}
        for place, start in places:
            named = _names_of(lists[place][start : start + length])
            if named is None or named[0] in self.names or named[0] in self.named.get(place[0], ()):
                continue
            group = groups.setdefault(named[1], [])
            known = named[0] is not None and any(
                one[0][0] == place[0] and one[2] == named[0] for one in group
            )
            if not known and (not group or group[-1][0] != place or group[-1][1] + length <= start):
                group.append((place, start, named[0]))
        for suffixes, group in groups.items():
            prefixes = tuple(prefix for _, _, prefix in group)
            gain = len(group) * size - size - _FRAME - len(group)
            if gain > 0 and (key := (shape, suffixes, len(group))) not in self.refused:
                yield _Window(
                    length, tuple((place, start) for place, start, _ in group), prefixes, gain, key
                )

    def _ids(self, nodes: Nodes) -> tuple[int | None, ...]:
        """A number for each node, the same for those of one shape; None for one that something far
        off refers to.
        """
        found: list[int | None] = []
        for node in nodes:
            tied = any(one.counted in self.fixed for one in statements_of(node))
            shape = None if tied else shape_of(node)
            found.append(
                None if shape is None else self.numbers.setdefault(shape, len(self.numbers))
            )
        return tuple(found)

    def _made(self, window: _Window, lists: Mapping[Place, Nodes], left: Nodes) -> Nodes:
        """The nodes with every occurrence a use of a new block. Raises `Different`."""
        occurrences = [
            lists[place][start : start + window.length] for place, start in window.places
        ]
        parameters = Parameters(closed=True)
        body = tuple(
            unified(
                [one[at] for one in occurrences],
                lambda ones: self._statement(ones, parameters, window.prefixes),
            )
            for at in range(window.length)
        )
        name = self._name(body, window.prefixes)
        defaults = {key: _usual(values) for key, values in parameters.vectors.items()}
        uses: dict[Place, dict[int, Atom]] = {}
        for number, (place, start) in enumerate(window.places):
            values = {key: vector[number] for key, vector in parameters.vectors.items()}
            given = {key: value for key, value in values.items() if value != defaults[key]}
            prefix = window.prefixes[number]
            counted = prefix or f"{name}_{number + 1}"
            uses.setdefault(place, {})[start] = (
                Statement(name, given, name=prefix, counted=counted),
            )
        self.blocks = {
            key: replace(block, body=replaced(block.body, (key,), uses, window.length))
            for key, block in self.blocks.items()
        }
        self.blocks[name] = Block(name, defaults, body)
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
        own = {key: parameters.text(key, values) for key, values in vectors.items()}
        own = {
            key: value
            for key, value in own.items()
            if not (key in defaults and value == defaults[key] and not has_names(value))
        }
        return replace(first, name=name, counted="", settings=own)

    def _name(self, body: Nodes, prefixes: Sequence[str | None]) -> str:
        """A name for a block: of what its uses have in common, else of what it does."""
        base = ""
        if prefixes[0] is not None and prefixes[-1] is not None:
            base = "".join(
                c
                for c in prefix_of([one for one in prefixes if one is not None]) or ""
                if not c.isdigit()
            ).strip("_- ") or _common_end([one for one in prefixes if one is not None])
        base = base or _by_kinds(
            [one.kind for node in body for one in statements_of(node)],
            any(isinstance(node, Branches) for node in body),
        )
        number, name = 1, base
        while name in self.blocks or name in LAYERS or name in self.taken:
            number, name = number + 1, f"{base}_{number + 1}"
        return name


def _common_end(names: Sequence[str]) -> str:
    """What names have in common behind their last `_`: `se` of `block1a_se` and `block2b_se`."""
    ends = {name.rpartition("_")[2] for name in names}
    end = next(iter(ends))
    return end if len(ends) == 1 and end.isalpha() and len(end) > 1 else ""


def _by_kinds(kinds: Sequence[str], branched: bool) -> str:
    if "Add" in kinds:
        return "residual"
    if branched:
        return "mixed" if "Concatenate" in kinds else "gated" if "Multiply" in kinds else "branched"
    for start, name in (
        ("Separable", "separable"),
        ("Depthwise", "depthwise"),
        ("Conv", "conv"),
        ("Dense", "dense"),
    ):
        if any(kind.startswith(start) for kind in kinds):
            return f"{name}_bn" if "BatchNormalization" in kinds else f"{name}_block"
    return "block"


def _is_periodic(ids: Sequence[int | None]) -> bool:
    """Whether a stretch is a shorter one several times over."""
    size = len(ids)
    return any(
        not size % period and ids[period:] == ids[:-period] for period in range(1, size // 2 + 1)
    )


def _names_of(nodes: Sequence[Node]) -> tuple[str | None, tuple[str | None, ...]] | None:
    """The prefix of the names in a stretch of nodes, and what is behind it; None where they have
    none in common.
    """
    names = [one.name for node in nodes for one in statements_of(node)]
    given = [name for name in names if name is not None]
    if not given:
        return None, tuple(names)
    prefix = prefix_of(given)
    if prefix is None:
        return None
    return prefix, tuple(name if name is None else name[len(prefix) + 1 :] for name in names)


def _usual(values: list[Any]) -> Any:
    """The value that most uses have, as a default; None where no two agree, or where it is one that
    is handed on.
    """
    if len({type(value) for value in values}) > 1:  # a parameter's type is that of its default
        return None
    ((value, count),) = Counter(map(repr, values)).most_common(1)
    found = next(one for one in values if repr(one) == value)
    return found if count > 1 and not has_names(found) else None

"""Converts the tree of nodes to entries of `layers`: references become names, and each entry has
its shortest form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import snake_case

from .anti_unification import Different
from .branches import Branches, is_step
from .fold import Block, Folded
from .layer_tree import COUNTED, Loop, Node, is_repeated, statements_of
from .statements import (
    BEFORE,
    Atom,
    Leaf,
    Local,
    Named,
    Statement,
    local_indices,
    mapped,
    needs_name_before,
)

Shorten = Callable[[str, dict[str, Any]], Any]
"""An entry in its shortest form, from its kind and its long form."""


def write(
    folded: Folded, first: str, fixed: set[str], shorten: Shorten
) -> tuple[dict[str, Any], list[Any]]:
    """`blocks` and `layers`. `first` is the name of the first input. Raises `Different` if a name
    is not available.
    """
    own = set(folded.blocks)
    blocks = {name: _block(block, shorten, own) for name, block in folded.blocks.items()}
    kept = (one for node in folded.body for one in statements_of(node) if one.kind not in own)
    taken = {first, *fixed, *(one.counted for one in kept)}
    return blocks, _Writer(shorten, fixed, own, taken).parts(folded.body, first)


def _block(block: Block, shorten: Shorten, own: set[str]) -> Any:
    layers = _Writer(shorten, set(), own).parts(block.body, "input")
    if not block.parameters:
        return layers
    return {"parameters": dict(block.parameters), "layers": layers}


class _Writer:
    """Writes one list of layers. `taken` are the names in a model, whose layers keep their
    automatic names where a name is required; None in a block.

    `own` are the blocks: unlike calls of shared layers, their uses have the block's name only if it
    is written.
    """

    def __init__(
        self, shorten: Shorten, fixed: set[str], own: set[str], taken: set[str] | None = None
    ) -> None:
        self.shorten = shorten
        self.fixed = fixed
        self.own = own
        self.taken = taken
        self._numbers: dict[str, int] = {}

    def parts(self, parts: Sequence[Node], first: str) -> list[Any]:
        """The entries of a list whose first entry has the input `first`."""
        found: list[Any] = []
        before: str | None = first
        for part, following in zip_longest(parts, parts[1:]):
            name_last = following is not None and self._needs_name(following)
            if isinstance(part, Loop):
                part, before = self._with_name(part) if name_last else (part, None)
                found.append(self._loop(part))
            elif isinstance(part, Branches):
                entry, before = self._joined(part, name_last=name_last)
                found.append(entry)
            else:
                entries, before = self._atom(part, before, name_last=name_last)
                found.extend(entries)
        return found

    @staticmethod
    def _needs_name(part: Node) -> bool:
        return not isinstance(part, (Loop, Branches)) and needs_name_before(part)

    def _with_name(self, loop: Loop) -> tuple[Loop, str]:
        """The loop with a name for the last layer of each round, and that of the last round. Raises
        `Different` if no single layer is the last.
        """
        node = loop.body[-1]
        if isinstance(node, Loop) or not (isinstance(node, Branches) or is_step(node)):
            raise Different
        last = node.join if isinstance(node, Branches) else node[0]
        if last.name is not None:
            return loop, last.counted
        base = snake_case(last.kind)
        if is_repeated(loop):
            name = f"{base}_{self._number(base)}"
            return replace(loop, body=((replace(last, name=name + COUNTED),),)), name
        rounds = loop.rounds or len(loop.values)
        first = self._number(base, rounds)
        index = loop.variable if loop.rounds is not None else loop.index or "i"
        named = replace(last, name=f"{base}_$({index} + {first})")
        end: Node = replace(node, join=named) if isinstance(node, Branches) else (named,)
        body = (*loop.body[:-1], end)
        return replace(loop, index=index, body=body), f"{base}_{first + rounds - 1}"

    def _loop(self, loop: Loop) -> Any:
        if loop.rounds is not None:
            if (entry := self._repeated(loop, loop.rounds)) is not None:
                return entry
            if all(one.name is None for node in loop.body for one in statements_of(node)):
                return {"repeat": loop.rounds, "do": [self._plain(node) for node in loop.body]}
        found: dict[str, Any] = {"for": {loop.variable: loop.values}}
        if loop.index not in (None, loop.variable):
            found["index"] = loop.index
        return {**found, "do": [self._plain(node) for node in loop.body]}

    def _repeated(self, loop: Loop, count: int) -> Any:
        """The entry with `repeat`, if the body is one layer whose names differ only in a number."""
        if not is_repeated(loop):
            return None
        (one,) = statements_of(loop.body[0])
        name = None if one.name is None else one.name.removesuffix(COUNTED)
        return self._entry(replace(one, settings={**one.settings, "repeat": count}), name)

    def _plain(self, node: Node) -> Any:
        """The entry of a node that does not need a name."""
        if isinstance(node, Branches):
            return self._branches(node)
        if isinstance(node, Loop):
            return self._loop(node)
        if not is_step(node):
            raise Different
        return self._entry(node[0], node[0].name)

    def _branches(self, found: Branches) -> dict[str, Any]:
        chains = [[self._plain(item) for item in chain] for chain in found.chains]
        join = self._entry(found.join, found.join.name)
        return {"branches": chains, "join": join}

    def _joined(self, found: Branches, *, name_last: bool) -> tuple[Any, str | None]:
        """The entry of branches in a list of nodes, and the name of its tensor, if any."""
        last = found.join
        name = self._name(last) if name_last or last.counted in self.fixed else last.name
        return self._branches(replace(found, join=replace(last, name=name))), name

    def _atom(
        self, atom: Atom, before: str | None, *, name_last: bool
    ) -> tuple[list[Any], str | None]:
        """The entries of an atom, and the name of its tensor, if any."""
        referred = _referred(atom)
        if name_last:
            referred.add(len(atom) - 1)
        names = [
            self._name(one) if place in referred or one.counted in self.fixed else one.name
            for place, one in enumerate(atom)
        ]
        entries = []
        for place, one in enumerate(atom):
            source = None if one.takes == Local(place - 1) else self._source(one, names, before)
            if one.inside is None:
                entries.append(self._entry(one, names[place], source))
            else:
                entries.append(self._group(one.inside, names[place], source))
        return entries, names[-1]

    def _group(self, found: Branches, name: str | None, source: Any) -> dict[str, Any]:
        entry = self._branches(replace(found, join=replace(found.join, name=name)))
        return entry if source is None else {**entry, "from": source}

    def _source(self, one: Statement, names: Sequence[str | None], before: str | None) -> Any:
        def text(leaf: Leaf) -> str:
            if isinstance(leaf, Named):
                return leaf.text
            name = before if leaf == BEFORE else names[leaf.index]
            if name is None:
                raise Different
            return f"{name}.{leaf.output}" if leaf.output else name

        return mapped(one.takes, text)

    def _name(self, one: Statement) -> str:
        """A name for a statement that requires one."""
        if one.name is not None:
            return one.name
        if self.taken is not None and one.counted and one.kind not in self.own:
            return one.counted
        base = snake_case(one.kind)
        return f"{base}_{self._number(base)}"

    def _number(self, base: str, count: int = 1) -> int:
        """The first of consecutive numbers that no name of a layer has yet."""
        first = self._numbers.get(base, 0) + 1
        while any(f"{base}_{first + one}" in (self.taken or ()) for one in range(count)):
            first += 1
        self._numbers[base] = first + count - 1
        return first

    def _entry(self, one: Statement, name: str | None, source: Any = None) -> Any:
        body = {key: value for key, value in one.settings.items() if key != "repeat"}
        if name is not None and self._is_said(name, one.kind):
            body["name"] = name
        if "repeat" in one.settings:
            body["repeat"] = one.settings["repeat"]
        if source is not None:
            body["from"] = source
        if one.call:
            body["call"] = dict(one.call)
        return self.shorten(one.kind, body)

    def _is_said(self, name: str, kind: str) -> bool:
        """Whether an entry needs `name`: calls of shared layers have the name of the layer by
        default.
        """
        return name != kind or kind in self.own or kind in LAYERS


def _referred(atom: Atom) -> set[int]:
    """The statements whose outputs are used in the atom, except those whose output is the only
    input of only the next statement.
    """
    found: set[int] = set()
    for place, one in enumerate(atom):
        if one.takes != Local(place - 1):
            found.update(local_indices(one))
    return found

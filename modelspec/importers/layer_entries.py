"""Folded statements as entries of `layers`, every reference by name again, each entry in its
shortest form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import snake_case

from .branches import Branches, is_step
from .fold import Block, Folded
from .statements import (
    BEFORE,
    Atom,
    Leaf,
    Local,
    Named,
    Statement,
    leaves,
    mapped,
    needs_name_before,
)
from .structure import COUNTED, Loop, Node, is_repeated, statements_of
from .unify import Different

Shorten = Callable[[str, dict[str, Any]], Any]
"""An entry in its shortest form, from its kind and its long form."""


def write(
    folded: Folded, first: str, fixed: set[str], shorten: Shorten
) -> tuple[dict[str, Any], list[Any]]:
    """`blocks` and `layers`. `first` is the first input's name. Raises `Different` where a name
    cannot be had.
    """
    own = set(folded.blocks)
    blocks = {name: _block(block, shorten, own) for name, block in folded.blocks.items()}
    return blocks, _Writer(shorten, fixed, own, counted=True).parts(folded.body, first)


def _block(block: Block, shorten: Shorten, own: set[str]) -> Any:
    layers = _Writer(shorten, set(), own, counted=False).parts(block.body, "input")
    if not block.parameters:
        return layers
    return {"parameters": dict(block.parameters), "layers": layers}


class _Writer:
    """Writes one list of layers. `counted`: whether a name that is needed is the one that the model
    has already.

    `own` are the blocks, whose uses do not have the block's name unless it is said, as calls of
    shared things do.
    """

    def __init__(self, shorten: Shorten, fixed: set[str], own: set[str], *, counted: bool) -> None:
        self.shorten = shorten
        self.fixed = fixed
        self.own = own
        self.counted = counted
        self._numbers: dict[str, int] = {}

    def parts(self, parts: Sequence[Node], first: str) -> list[Any]:
        """The entries of a list whose first one takes `first`."""
        found: list[Any] = []
        before: str | None = first
        for number, part in enumerate(parts):
            following = parts[number + 1] if number + 1 < len(parts) else None
            if isinstance(part, Loop):
                found.append(self._loop(part))
                before = None
                continue
            needed = following is not None and self._needs_name(following)
            entries, before = self._node(part, before, name_last=needed)
            found.extend(entries)
        return found

    @staticmethod
    def _needs_name(part: Node) -> bool:
        return not isinstance(part, (Loop, Branches)) and needs_name_before(part)

    def _loop(self, loop: Loop) -> Any:
        if (count := loop.rounds) is not None:
            if (entry := self._repeated(loop, count)) is not None:
                return entry
            if all(one.name is None for node in loop.body for one in statements_of(node)):
                return {"repeat": count, "do": [self._plain(node) for node in loop.body]}
        index = (
            {"index": loop.index} if loop.index is not None and loop.index != loop.variable else {}
        )
        return {
            "for": {loop.variable: loop.values},
            **index,
            "do": [self._plain(node) for node in loop.body],
        }

    def _repeated(self, loop: Loop, count: int) -> Any:
        """The entry with `repeat`, where the body is one layer that is named by nothing but its
        number.
        """
        if not is_repeated(loop):
            return None
        (one,) = statements_of(loop.body[0])
        name = None if one.name is None else one.name.removesuffix(COUNTED)
        return self._entry(replace(one, settings={**one.settings, "repeat": count}), name)

    def _plain(self, node: Node) -> Any:
        """The entry of a node that needs no name."""
        if isinstance(node, Branches):
            return self._branches(node)
        if isinstance(node, Loop):
            return self._loop(node)
        if not is_step(node):
            raise Different
        return self._entry(node[0], node[0].name)

    def _branches(self, found: Branches) -> dict[str, Any]:
        chains = [[self._plain(item) for item in chain] for chain in found.chains]
        join = self._entry(found.join, found.join.name, branched=True)
        return {"branches": chains, "join": join}

    def _node(
        self, node: Atom | Branches, before: str | None, *, name_last: bool
    ) -> tuple[list[Any], str | None]:
        """The entries of a node, and the name of its tensor where it has one."""
        if isinstance(node, Branches):
            last = node.join
            name = self._name(last) if name_last or last.counted in self.fixed else last.name
            return [self._branches(replace(node, join=replace(last, name=name)))], name
        last = node[-1]
        taken = {
            leaf.index
            for place, one in enumerate(node)
            for leaf in leaves(one.takes)
            if isinstance(leaf, Local) and (leaf.index != place - 1 or one.takes != leaf)
        }
        names = [
            (
                self._name(one)
                if place in taken or one.counted in self.fixed or (name_last and one is last)
                else one.name
            )
            for place, one in enumerate(node)
        ]
        entries = []
        for place, one in enumerate(node):
            source = None if one.takes == Local(place - 1) else self._source(one, names, before)
            entries.append(self._entry(one, names[place], source))
        return entries, names[-1]

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
        """A name for a statement that has to have one."""
        if one.name is not None:
            return one.name
        if self.counted and one.counted:
            return one.counted
        base = snake_case(one.kind)
        number = self._numbers[base] = self._numbers.get(base, 0) + 1
        return f"{base}_{number}"

    def _entry(
        self, one: Statement, name: str | None, source: Any = None, *, branched: bool = False
    ) -> Any:
        body = {key: value for key, value in one.settings.items() if key != "repeat"}
        if name is not None and (name != one.kind or one.kind in self.own or one.kind in LAYERS):
            body["name"] = name
        if "repeat" in one.settings:
            body["repeat"] = one.settings["repeat"]
        if source is not None and not branched:
            body["from"] = source
        if one.call:
            body["call"] = dict(one.call)
        return self.shorten(one.kind, body)

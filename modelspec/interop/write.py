"""Folded statements as entries of `layers`, every reference by name again, each entry in its shortest form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..catalogue import snake_case
from .branches import Branches, as_branches, is_step
from .fold import Block, Folded, Loop, Part
from .statements import BEFORE, Atom, Leaf, Local, Named, Statement, leaves, mapped, needs_name_before
from .unify import Different

Shorten = Callable[[str, dict[str, Any]], Any]
"""An entry in its shortest form, from its kind and its long form."""


def write(folded: Folded, first: str, fixed: set[str], shorten: Shorten) -> tuple[dict[str, Any], list[Any]]:
    """`blocks` and `layers`. `first` is the first input's name. Raises `Different` where a name cannot be had."""
    blocks = {name: _block(block, shorten) for name, block in folded.blocks.items()}
    return blocks, _Writer(shorten, fixed, counted=True).parts(folded.body, first)


def _block(block: Block, shorten: Shorten) -> Any:
    layers = _Writer(shorten, set(), counted=False).parts(block.body, "input")
    if not block.parameters:
        return layers
    return {"parameters": dict(block.parameters), "layers": layers}


class _Writer:
    """Writes one list of layers. `counted`: whether a name that is needed is the one that the model has already."""

    def __init__(self, shorten: Shorten, fixed: set[str], *, counted: bool) -> None:
        self.shorten = shorten
        self.fixed = fixed
        self.counted = counted
        self._numbers: dict[str, int] = {}

    def parts(self, parts: Sequence[Part], first: str) -> list[Any]:
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
            entries, before = self._atom(part, before, name_last=needed)
            found.extend(entries)
        return found

    @staticmethod
    def _needs_name(part: Part) -> bool:
        return not isinstance(part, Loop) and needs_name_before(part) and as_branches(part) is None

    def _loop(self, loop: Loop) -> dict[str, Any]:
        body = [entry for atom in loop.body for entry in self._plain(atom)]
        index = {"index": loop.index} if loop.index is not None and loop.index != loop.variable else {}
        return {"for": {loop.variable: loop.values}, **index, "do": body}

    def _plain(self, atom: Atom) -> Iterator[Any]:
        """The entries of an atom that needs no name."""
        if is_step(atom):
            yield self._entry(atom[0], atom[0].name)
            return
        found = as_branches(atom)
        if found is None:
            raise Different
        yield self._branches(found)

    def _branches(self, found: Branches) -> dict[str, Any]:
        chains = [[entry for item in chain for entry in self._of_chain(item)] for chain in found.chains]
        join = self._entry(found.join, found.join.name, branched=True)
        return {"branches": chains, "join": join}

    def _of_chain(self, item: Atom | Branches) -> Iterator[Any]:
        if isinstance(item, Branches):
            yield self._branches(item)
        else:
            yield self._entry(item[0], item[0].name)

    def _atom(self, atom: Atom, before: str | None, *, name_last: bool) -> tuple[list[Any], str | None]:
        """The entries of an atom, and the name of its tensor where it has one."""
        branched = as_branches(atom) if len(atom) > 1 else None
        last = atom[-1]
        if branched is not None:
            name = self._name(last) if name_last or last.counted in self.fixed else last.name
            chosen = Branches(branched.chains, _renamed(branched.join, name))
            return [self._branches(chosen)], name
        taken = {leaf.index for place, one in enumerate(atom) for leaf in leaves(one.takes)
                 if isinstance(leaf, Local) and (leaf.index != place - 1 or one.takes != leaf)}
        names = [self._name(one) if place in taken or one.counted in self.fixed or (name_last and one is last)
                 else one.name for place, one in enumerate(atom)]
        entries = []
        for place, one in enumerate(atom):
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

    def _entry(self, one: Statement, name: str | None, source: Any = None, *, branched: bool = False) -> Any:
        body = dict(one.settings)
        if name is not None:
            body["name"] = name
        if source is not None and not branched:
            body["from"] = source
        if one.call:
            body["call"] = dict(one.call)
        return self.shorten(one.kind, body)


def _renamed(one: Statement, name: str | None) -> Statement:
    from dataclasses import replace

    return replace(one, name=name)

"""The names of tensors in one model, or inside one use of a block: the name of each in the flat
list of layers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Collector, Span

from ..graph import symbol_faults
from ..graph.symbols import SymbolTable, TensorName
from .items import BlockUse, Branches, Call, Erroneous, Item, LibraryUse, Repeat

_LAST_NUMBER = re.compile(r"(.*)_([0-9]*)", re.DOTALL)
_MOST_LISTED: Final = 100
"""Blocks, and names in each, that are considered for a suggestion."""
_NUMBERED = re.compile(r"(.+)_([0-9]{1,9})")


class Tensor(NamedTuple):
    """A tensor, by its name in the flat list: `down_relu`, `read.hidden`."""

    text: str
    selected: Span | None = None
    """The place of a reference to an output of a layer, which inference may not find."""


class Several(NamedTuple):
    """The result of a block with several outputs."""

    outputs: dict[str, Target]
    span: Span


class Unresolved(NamedTuple):
    """An invalid tensor, which is already reported."""


UNRESOLVED: Final = Unresolved()
Target: TypeAlias = Tensor | Several | Unresolved


class TensorScope(SymbolTable[Target]):
    """The symbol table of a model, or of one use of a block. `prefix` is added before each name in
    the flat list.
    """

    def __init__(self, collector: Collector, prefix: str = "", block: str | None = None) -> None:
        super().__init__(collector, block)
        self.prefix = prefix
        self._outer: TensorScope | None = None
        """The scope whose names are not available here either: that around an `inline` block."""
        self._inside: dict[str, TensorScope] = {}
        """The scopes of uses of blocks, by the names of the uses: outside, the names of a block are
        those of its use with the name inside, as in the flat list.
        """
        self._inlined: list[TensorScope] = []
        """The scopes of uses of `inline` blocks, whose names have no prefix."""
        self._inputs: dict[str, Span] = {}
        self._rounds: dict[str, int] = {}
        self._least: dict[str, int] = {}
        """The least number of a round after each name, among the names that were read so far."""
        self._read = [0, 0, 0]
        self.shared: dict[str, str] = {}
        """The shared names of the block, and their names in the model."""

    def inside(
        self, block: str, prefix: str | None, inputs: dict[str, Target], span: Span
    ) -> TensorScope:
        """The names in one use of a block, which sees only its inputs and its own entries.

        Without a prefix the entries have the same names as in the block, which must then be unique
        among all entries.
        """
        full_prefix = self.prefix if prefix is None else f"{self.prefix}{prefix}_"
        inner = TensorScope(self.collector, full_prefix, block)
        inner.symbols.update(inputs)
        inner._inputs = dict.fromkeys(inputs, span)
        if prefix is None:
            inner._outer = self
            inner.definitions = self.definitions
            inner.automatic = self.automatic
            inner._rounds = self._rounds
        return inner

    def contain(self, inner: TensorScope, names: Sequence[str]) -> None:
        """Make the names in one use of a block available, the use having these names."""
        for name in names:
            self._inside[name] = inner
        if inner._outer is self:
            self._inlined.append(inner)

    def is_known(self, reference: TensorName) -> bool:
        return super().is_known(reference) or self._within(reference.producer) is not None

    def resolve(self, reference: TensorName, span: Span, *, complete: bool = True) -> Target | None:
        name = reference.producer
        is_own = super().is_known(reference)
        found = None if is_own else self._within(name)
        if found is None:
            return super().resolve(reference, span, complete=complete)
        inner, rest = found
        if rest in inner.symbols:
            return inner.symbols[rest]
        self.collector.add(symbol_faults.excluded(name, span, inner.excluded[rest]))
        return None

    def known(self) -> list[str]:
        """Its own names, and those inside blocks."""
        return [*self.symbols, *self._names_inside()]

    def _within(self, name: str) -> tuple[TensorScope, str] | None:
        """The scope of a use of a block that has a name, and its name there."""
        for at, character in enumerate(name):
            if character == "_" and (inner := self._inside.get(name[:at])) is not None:
                found = inner._own(name[at + 1 :])
                if found is not None:
                    return found
        return next((found for one in self._inlined if (found := one._own(name))), None)

    def _own(self, name: str) -> tuple[TensorScope, str] | None:
        if name in self._inputs:
            return None
        if name in self.symbols or name in self.excluded:
            return self, name
        return self._within(name)

    def _names_inside(self) -> Iterator[str]:
        for use, inner in islice(self._inside.items(), _MOST_LISTED):
            own = (name for name in inner.symbols if name not in inner._inputs)
            yield from (f"{use}_{name}" for name in islice(own, _MOST_LISTED))

    def expect(self, items: Sequence[Item]) -> None:
        """Record every explicit name of the entries."""
        for name, span in _written(items, ()):
            self.upcoming.setdefault(name, span)

    def check_new(self, name: str, span: Span | None) -> bool:
        if name not in self._inputs:
            return super().check_new(name, span)
        self.collector.add(symbol_faults.defined_twice(name, span, self._inputs[name]))
        return False

    def exclude(self, name: str, span: Span) -> None:
        """Record the name of an entry that is left out, unless another entry has it."""
        if name not in self.symbols:
            self.excluded.setdefault(name, span)

    # Automatic names ------------------------------------------------------------------------------

    def automatic_name(self, base: str, rounds: int, taken: Container[str]) -> str:
        """The name that Keras would give to an unnamed layer; `taken` are names of the flat list.

        With `rounds`, a name whose numbered forms (`dense_1` to `dense_3`) are free as well.
        """

        def is_free(name: str) -> bool:
            return (
                self.is_free(name)
                and f"{self.prefix}{name}" not in taken
                and not (rounds and self._is_numbered(name, rounds))
            )

        name = self.automatic.next(base, is_free)
        if rounds:
            self._rounds[name] = rounds
        return name

    def is_free(self, name: str) -> bool:
        found = _NUMBERED.fullmatch(name)
        if found is not None and int(found[2]) <= self._rounds.get(found[1], 0):
            return False
        return super().is_free(name) and (self._outer is None or self._outer.is_free(name))

    def _is_numbered(self, name: str, rounds: int) -> bool:
        """Whether a name that is used, or will be used, has the form of this name in one of so many
        rounds: `dense_2`, `dense_2_1` for `dense`.
        """
        scope: TensorScope | None = self
        while scope is not None:
            scope._read_numbers()
            if scope._least.get(name, rounds + 1) <= rounds:
                return True
            scope = scope._outer
        return False

    def _read_numbers(self) -> None:
        """Add the names since the last call to `_least`."""
        every: tuple[Collection[str], ...] = (self.symbols, self.excluded, self.upcoming)
        for index, names in enumerate(every):
            for name in islice(names, self._read[index], None):
                for base, number in _numbered_forms(name):
                    self._least[base] = min(number, self._least.get(base, number))
            self._read[index] = len(names)


def _numbered_forms(name: str) -> Iterator[tuple[str, int]]:
    """The names of which a name is a form, and the number of the outermost round: `dense` and 2,
    `dense_2` and 1 for `dense_2_1`.
    """
    rest = name
    while (found := _LAST_NUMBER.fullmatch(rest)) is not None:
        rest = found[1]
        if found[2] and len(found[2]) < 7:
            yield rest, int(found[2])


def variants(name: str, suffixes: tuple[str, ...]) -> list[str]:
    """A name and its forms with the numbers of the rounds around it, the longest last: `a`, `a_2`,
    `a_2_1`.
    """
    found = [name]
    for suffix in suffixes:
        found.append(found[-1] + suffix)
    return found


def has_rounds(items: Sequence[Item]) -> bool:
    """Whether tensors have names other than those of layers, because of blocks or rounds."""
    return any(
        isinstance(item, (BlockUse, Repeat))
        or (
            isinstance(item, Branches)
            and (isinstance(item.join, BlockUse) or any(map(has_rounds, item.lists())))
        )
        for item in items
    )


def _written(items: Sequence[Item], suffixes: tuple[str, ...]) -> Iterator[tuple[str, Span]]:
    for item in items:
        if isinstance(item, Repeat):
            for number, one in enumerate(item.rounds, 1):
                own = () if item.is_for else (f"_{number}",)
                yield from _written(one, (*suffixes, *own))
            continue
        if isinstance(item, Branches):
            for branch in item.lists():
                yield from _written(branch, suffixes)
        if found := _name_of(item):
            for variant in variants(found[0], suffixes):
                yield variant, found[1]


def _name_of(item: Item) -> tuple[str, Span] | None:
    if isinstance(item, Branches):
        item = item.join
    if isinstance(item, (BlockUse, LibraryUse)):
        item = item.call
    if isinstance(item, Call) and item.name:
        return item.name, item.name_span or item.span
    if isinstance(item, Erroneous) and item.name:
        return item.name, item.span
    return None

"""The names of tensors in one model, or inside one use of a block: what each is called in the flat
list of layers.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Collector, Span

from ..graph import symbol_faults
from ..graph.symbols import SymbolTable
from .items import BlockUse, Branches, Call, Erroneous, Item, LibraryUse, Repeat

_NUMBERED = re.compile(r"(.+)_([0-9]{1,9})")


class Tensor(NamedTuple):
    """A tensor, as the flat list names it: `down_relu`, `read.hidden`."""

    text: str
    selected: Span | None = None
    """Where a reference selects it among the outputs of a layer: inference may find none."""


class Several(NamedTuple):
    """What a block with several outputs gives."""

    outputs: dict[str, Target]
    span: Span


class Unresolved(NamedTuple):
    """A tensor in error, which is reported already."""


UNRESOLVED: Final = Unresolved()
Target: TypeAlias = Tensor | Several | Unresolved


class TensorScope(SymbolTable[Target]):
    """The symbol table of a model, or of one use of a block. `prefix` is put before each name in
    the flat list.
    """

    def __init__(self, collector: Collector, prefix: str = "", block: str | None = None) -> None:
        super().__init__(collector, block)
        self.prefix = prefix
        self._outer: TensorScope | None = None
        """The scope whose names are not free here either: that around an `inline` block."""
        self._inputs: dict[str, Span] = {}
        self._rounds: dict[str, int] = {}

    def inside(
        self, block: str, prefix: str | None, inputs: dict[str, Target], span: Span
    ) -> TensorScope:
        """The names in one use of a block, which sees its inputs and its own entries only.

        Without a prefix the entries are called as those here are, and no two of all of them the
        same.
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

    def expect(self, items: Sequence[Item]) -> None:
        """Note every name that the entries write out."""
        for name, span in _written(items, ()):
            self.upcoming.setdefault(name, span)

    def check_new(self, name: str, span: Span | None) -> bool:
        if name not in self._inputs:
            return super().check_new(name, span)
        self.collector.add(symbol_faults.defined_twice(name, span, self._inputs[name]))
        return False

    def exclude(self, name: str, span: Span) -> None:
        """Note a name of an entry that is left out, unless another entry has it."""
        if name not in self.symbols:
            self.excluded.setdefault(name, span)

    # Automatic names ------------------------------------------------------------------------------

    def automatic_name(self, base: str, rounds: int, taken: Container[str]) -> str:
        """The name that Keras would give an unnamed layer; `taken` are names of the flat list.

        With `rounds`, one whose numbered names (`dense_1` to `dense_3`) are free as well.
        """

        def is_free(name: str) -> bool:
            return (
                self.is_free(name)
                and f"{self.prefix}{name}" not in taken
                and not (rounds and any(_is_round(one, name, rounds) for one in self._all()))
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

    def _all(self) -> Iterator[str]:
        """Every name that something has, or is to have."""
        yield from (*self.symbols, *self.excluded, *self.upcoming)
        if self._outer is not None:
            yield from self._outer._all()


def _is_round(other: str, name: str, rounds: int) -> bool:
    """Whether a name is one that a round would give: `dense_2`, `dense_2_1` for `dense`."""
    if not other.startswith(f"{name}_"):
        return False
    number, _, rest = other[len(name) + 1 :].partition("_")
    return (
        number.isdecimal()
        and len(number) < 7
        and int(number) <= rounds
        and f"{rest}0".replace("_", "").isdecimal()
    )


def variants(name: str, suffixes: tuple[str, ...]) -> list[str]:
    """A name and what the rounds around it make of it, the longest last: `a`, `a_2`, `a_2_1`."""
    found = [name]
    for suffix in suffixes:
        found.append(found[-1] + suffix)
    return found


def has_rounds(items: Sequence[Item]) -> bool:
    """Whether tensors answer to other names than those of layers: there are blocks or rounds."""
    return any(
        isinstance(item, (BlockUse, Repeat))
        or (
            isinstance(item, Branches)
            and (isinstance(item.join, BlockUse) or any(map(has_rounds, item.branches)))
        )
        for item in items
    )


def _written(items: Sequence[Item], suffixes: tuple[str, ...]) -> Iterator[tuple[str, Span]]:
    for item in items:
        if isinstance(item, Repeat):
            for number, one in enumerate(item.rounds, 1):
                yield from _written(one, (*suffixes, f"_{number}"))
            continue
        if isinstance(item, Branches):
            for branch in item.branches:
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

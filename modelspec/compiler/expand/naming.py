"""Names of tensors in one model, or inside one use of a block: what each stands for in the flat
list of layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Fault, Note, Span
from modelspec.core.diagnostics.derived import origin_of

from .items import Branches, Call, Item, Lost, Made, Repeat, Use
from .notebook import Notebook

_NUMBERED = re.compile(r"(.+)_([0-9]{1,9})")


class Tensor(NamedTuple):
    """A tensor, as the flat list names it: `down_relu`, `read.hidden`."""

    text: str


class Several(NamedTuple):
    """What a block with several outputs gives."""

    outputs: dict[str, Target]
    span: Span


class LeftOut(NamedTuple):
    """An entry that a `when` left out, and where that says so."""

    span: Span


class Unknown(NamedTuple):
    """A tensor in error, which is told."""


LOST: Final = Unknown()
Target: TypeAlias = Tensor | Several | LeftOut | Unknown


class Names:
    """The names of one scope. `prefix` stands before each of them in the flat list."""

    def __init__(self, notebook: Notebook, prefix: str = "", block: str | None = None) -> None:
        self.notebook = notebook
        self.prefix = prefix
        self.block = block
        self.table: dict[str, Target] = {}
        self.later: dict[str, Span] = {}
        """Names that entries further down write out."""
        self._around: Names | None = None
        self._inputs: dict[str, Span] = {}
        self._spans: dict[str, tuple[Span | None, object]] = {}
        self._counts: dict[str, int] = {}
        self._rounds: dict[str, int] = {}

    def inside(
        self, block: str, prefix: str | None, inputs: dict[str, Target], span: Span
    ) -> Names:
        """The names in one use of a block, which sees its inputs and its own entries only.

        Without a prefix the entries are called as those here are, and no two of all of them the
        same.
        """
        inner = Names(
            self.notebook, self.prefix if prefix is None else f"{self.prefix}{prefix}_", block
        )
        inner.table.update(inputs)
        inner._inputs = dict.fromkeys(inputs, span)
        if prefix is None:
            inner._around, inner._spans, inner._counts, inner._rounds = (
                self,
                self._spans,
                self._counts,
                self._rounds,
            )
        return inner

    def expect(self, items: Sequence[Item]) -> None:
        """Take note of every name that the entries write out."""
        for name, span in _written(items, ()):
            self.later.setdefault(name, span)

    def define(self, name: str, target: Target, span: Span | None, owner: object = None) -> bool:
        """Give a name its meaning; MS304, and False, where it has one.

        Rounds of one `repeat` (`owner`) share their bare names.
        """
        before = self._spans.get(name)
        new = (before is not None and owner is not None and before[1] is owner) or self.is_new(
            name, span
        )
        self._spans.setdefault(name, (span, owner))
        self.table[name] = target
        return new

    def is_new(self, name: str, span: Span | None) -> bool:
        """Whether nothing has the name yet; MS304 where something has."""
        if name not in self._spans and name not in self._inputs:
            return True
        first = self._inputs.get(name) or self._spans[name][0]
        if span is not None:
            self._twice(name, span, first)
        return False

    def leave_out(self, name: str, span: Span) -> None:
        self.table.setdefault(name, LeftOut(span))

    def _twice(self, name: str, span: Span, first: Span | None) -> None:
        same = first is not None and origin_of(first) == origin_of(span)
        help = (
            f"give each round its own name, e.g. `name: {name}_$(i)` with `index: i`"
            if same
            else None
        )
        notes = [Note("first defined here", first)] if first is not None and not same else []
        self.notebook.report(Fault("MS304", f"`{name}` is defined twice", help=help), span, *notes)

    def default(self, base: str, rounds: int, taken: Iterable[str]) -> str:
        """The name that Keras would give an unnamed layer (`dense`, `dense_1`): the first that is
        free.

        With `rounds`, one whose numbered names (`dense_1` to `dense_3`) are free as well.
        """
        while True:
            count = self._counts.get(base, 0)
            self._counts[base] = count + 1
            name = f"{base}_{count}" if count else base
            if not self._is_free(name) or f"{self.prefix}{name}" in taken:
                continue
            if not rounds:
                return name
            if not any(_is_round(other, name, rounds) for other in self._all()):
                self._rounds[name] = rounds
                return name

    def _all(self) -> Iterator[str]:
        """Every name that something has, or is to have."""
        yield from (*self.table, *self.later)
        if self._around is not None:
            yield from self._around._all()

    def _is_free(self, name: str) -> bool:
        found = _NUMBERED.fullmatch(name)
        in_rounds = found is not None and int(found[2]) <= self._rounds.get(found[1], 0)
        here = name not in self.table and name not in self.later and not in_rounds
        return here and (self._around is None or self._around._is_free(name))


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
        isinstance(item, (Use, Repeat))
        or (
            isinstance(item, Branches)
            and (isinstance(item.join, Use) or any(map(has_rounds, item.branches)))
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
    if isinstance(item, (Use, Made)):
        item = item.call
    if isinstance(item, Call) and item.name:
        return item.name, item.name_span or item.span
    if isinstance(item, Lost) and item.name:
        return item.name, item.span
    return None

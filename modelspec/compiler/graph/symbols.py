"""The symbol table of one scope: the meaning of its names, each defined once, and the resolution of
references.

A scope is a model, or one use of a block. Expansion looks up names to write the flat list of
layers, linking looks them up in that list: the content of a symbol differs, the rules for
definitions and references are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

from modelspec.core.automatic_names import AutomaticNames
from modelspec.core.diagnostics import Collector, Diagnostic, Span
from modelspec.core.records import NamedTuple

from . import symbol_faults

S = TypeVar("S")


class TensorName(NamedTuple):
    """A parsed reference: `read.hidden` is the output `hidden` of `read`."""

    producer: str
    output: str | None
    """None for the only output."""

    @classmethod
    def parse(cls, text: str) -> TensorName:
        producer, dot, output = text.partition(".")
        return cls(producer, output if dot else None)

    def __str__(self) -> str:
        return self.producer if self.output is None else f"{self.producer}.{self.output}"


def output_index(output: str, names: Sequence[str], count: int) -> int | None:
    """The index of the selected output of `count`, by its name or number; None if it does not
    exist.
    """
    if output in names:
        return names.index(output)
    if output.isdecimal() and len(output) < 6 and int(output) < count:
        return int(output)
    return None


class Definition(NamedTuple):
    """The place where a name is defined, and the loop that defines it."""

    span: Span | None
    loop: object = None
    """The rounds of one loop share the names without numbers: the last round defines them."""


class SymbolTable(Generic[S]):
    """The names of one scope. `block` is the block that the scope is a use of."""

    def __init__(self, collector: Collector, block: str | None = None) -> None:
        self.collector = collector
        self.block = block
        self.symbols: dict[str, S] = {}
        """The meaning of each name that is defined so far."""
        self.upcoming: dict[str, Span | None] = {}
        """Explicit names of entries of the scope, including later entries."""
        self.excluded: dict[str, Span] = {}
        """Names of entries that a `when` left out, and the place of that condition."""
        self.definitions: dict[str, Definition] = {}
        self.automatic = AutomaticNames()

    # Defining -------------------------------------------------------------------------------------

    def define(self, name: str, symbol: S, span: Span | None, loop: object = None) -> bool:
        """Define a name; MS304, and False, if it is already defined."""
        before = self.definitions.get(name)
        same_loop = before is not None and loop is not None and before.loop is loop
        is_new = same_loop or self.check_new(name, span)
        self.definitions.setdefault(name, Definition(span, loop))
        self.symbols[name] = symbol
        return is_new

    def check_new(self, name: str, span: Span | None) -> bool:
        """Whether the name is still free; MS304 if not."""
        before = self.definitions.get(name)
        if before is not None:
            self.collector.add(symbol_faults.defined_twice(name, span, before.span))
        return before is None

    def is_free(self, name: str) -> bool:
        """Whether no entry has the name or will get it."""
        return not (name in self.symbols or name in self.upcoming or name in self.excluded)

    # Resolving ------------------------------------------------------------------------------------

    def is_known(self, reference: TensorName) -> bool:
        """Whether an entry above has the name, or had it before a `when` left it out."""
        return reference.producer in self.symbols or reference.producer in self.excluded

    def resolve(self, reference: TensorName, span: Span, *, complete: bool = True) -> S | None:
        """The symbol that a reference names; None, with a report, if it does not exist.

        `complete`: no entry of the scope is invalid. Otherwise an unknown name may be that of an
        invalid entry, and is not reported.
        """
        found = self.symbols.get(reference.producer)
        if found is None and (fault := self._unresolved(reference, span, complete)) is not None:
            self.collector.add(fault)
        return found

    def _unresolved(self, reference: TensorName, span: Span, complete: bool) -> Diagnostic | None:
        producer = reference.producer
        if producer in self.excluded:
            return symbol_faults.excluded(producer, span, self.excluded[producer])
        if producer in self.upcoming:
            return symbol_faults.defined_later(producer, span, self.upcoming[producer])
        if not complete:
            return None
        return symbol_faults.undefined(reference, span, self.known(), self.block)

    def known(self) -> Collection[str]:
        """The names that a reference may mean."""
        return self.symbols

"""Shared by both readers: places, faults and limits while text is read."""

from __future__ import annotations

from typing import Final, NoReturn

from ..diagnostics import Collector, Fault, Note, Source, Span, TooManyFaults
from . import budgets
from .node import Entry, Node

_OF_LOOPS: Final = ("do", "index")
_LOOPS: Final = (
    "a mapping has one `for`: loop over both lists with `for: {x: $(a + b)}`, or write the second"
    " `for` with its `do` inside the `do` of the first"
)


class Reading(Collector):
    """The state of reading one text: the faults found so far, and the nodes counted."""

    def __init__(self, source: Source) -> None:
        super().__init__(limit=budgets.FAULTS)
        self.source = source
        self.nodes = 0
        self._second_loop: dict[str, Entry] | None = None
        """The last mapping with two `for`."""

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def report(self, fault: Fault, span: Span | None, *notes: Note) -> None:
        """A fault after which reading continues. Raises `Fault` where it is one too many."""
        try:
            super().report(fault, span, *notes)
        except TooManyFaults:
            message = f"more than {budgets.FAULTS:,} errors; the rest of the file was not read"
            last = Fault("MS108", message, help="fix the first ones, and check again")
            self.found.append(last.at(span))
            raise last from None

    def replace(self, fault: Fault, span: Span, *notes: Note) -> None:
        """Report a fault in place of an earlier one of the same code and place."""
        self.found = [one for one in self.found if (one.code, one.span) != (fault.code, span)]
        self.report(fault, span, *notes)

    def stop(self, fault: Fault, span: Span, *notes: Note) -> NoReturn:
        """A fault after which nothing of this file can be trusted. Raises `Fault`, once it is
        reported.
        """
        self.report(fault, span, *notes)
        raise fault

    def spend(self, nodes: int, span: Span) -> None:
        """Count nodes against the budget. Raises `Fault` past it."""
        self.nodes += nodes
        if self.nodes > budgets.NODES:
            self.stop(too_many_nodes(), span)

    def put(self, entries: dict[str, Entry], key: str, key_span: Span, value: Node) -> None:
        """Put an entry into a mapping; of two with one key the first stays."""
        before = entries.get(key)
        if before is None:
            entries[key] = Entry(key_span, value)
            return
        if entries is self._second_loop and key in _OF_LOOPS:
            return  # reported at its `for`
        if key == "for":
            self._second_loop = entries
        self.report(
            Fault(
                "MS104",
                f"key {quoted(key)} is written twice",
                help=_LOOPS if key == "for" else "remove one of the two, or rename it",
            ),
            key_span,
            Note("first written here", before.key_span),
        )


def too_many_nodes() -> Fault:
    return Fault(
        "MS108",
        f"the file holds more than {budgets.NODES:,} keys and values",
        notes=("every use of an alias counts as all that it refers to",),
        help="split the file, or use `repeat` and `for` instead of copies",
    )


def too_deep() -> Fault:
    return Fault(
        "MS108",
        f"mappings and lists are nested more than {budgets.LEVELS} levels deep",
        help="reduce the nesting; `shared` and `blocks` give a nested part a name",
    )


def shortened(text: str, limit: int = 40) -> str:
    """The text for a message: on one line, shortened."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[:limit].rstrip() + "..."


def quoted(text: str) -> str:
    """The text between backticks, shortened."""
    return f"`{shortened(text)}`"

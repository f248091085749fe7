"""Entries of the flat list while it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.source import Entry, Mapping, Node, Scalar

from .blocks import is_null


@dataclass(slots=True)
class FlatEntry:
    """One entry of the flat list, until the whole list is known."""

    kind: str
    span: Span
    body: Node | None = None
    source: Entry | None = None
    name: str = ""
    name_span: Span | None = None
    named: bool = False
    """Whether the name has to be written; otherwise it is the automatic name of the entry."""
    whole: Node | None = None
    """A malformed entry, as written."""

    def node(self) -> Node:
        """The entry as written in a spec."""
        if self.whole is not None:
            return self.whole
        extra: dict[str, Entry] = {}
        if self.named:
            span = self.name_span or self.span
            extra["name"] = Entry(span, Scalar(self.name, span))
        if self.source is not None:
            extra["from"] = self.source
        if self.body is None and not extra:
            return Scalar(self.kind, self.span)
        body = self._with(extra) if extra else self._body()
        return Mapping({self.kind: Entry(self.span, body)}, self.span)

    def _body(self) -> Node:
        return self.body if self.body is not None else Mapping({}, self.span)

    def _with(self, extra: dict[str, Entry]) -> Node:
        """The settings with a name, or with `from`."""
        body = self._body()
        if is_null(body):
            return Mapping(extra, self.span)
        if isinstance(body, Mapping):
            # A `name` that is not a string is kept: the spec reader reports it.
            added = {key: entry for key, entry in extra.items() if key not in body.entries}
            return Mapping({**body.entries, **added}, body.span)
        primary = self._primary()
        return Mapping({primary: Entry(body.span, body), **extra}, body.span) if primary else body

    def _primary(self) -> str | None:
        """The setting that a bare value sets. A misspelled kind is reported later: a value after it
        must not remove the name of the entry.
        """
        layer = LAYERS.find(self.kind) or LAYERS.find(nearest(self.kind, LAYERS.names()) or "")
        return layer.primary() if layer else None


@dataclass
class RoundNames:
    """Names of unnamed entries in rounds: each round has the same names, with its number as a
    suffix. Rounds of a `for` may differ, so the entries of each kind are counted separately.
    """

    rounds: int
    found: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """How many entries of each kind the present round has so far."""

    def next(self, base: str, make: Callable[[], str]) -> str:
        """The name of the next entry with this default name."""
        names, count = self.found.setdefault(base, []), self.counts.get(base, 0)
        if count == len(names):
            names.append(make())
        self.counts[base] = count + 1
        return names[count]

    def each(self, rounds: int) -> Iterator[int]:
        """The numbers of the rounds of a loop: each begins with the counts before the loop. After
        it, they are those of the longest round.
        """
        start, most = dict(self.counts), dict(self.counts)
        for number in range(1, rounds + 1):
            self.counts = dict(start)
            yield number
            most |= {base: max(count, most.get(base, 0)) for base, count in self.counts.items()}
        self.counts = most

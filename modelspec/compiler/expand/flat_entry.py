"""Entries of the flat list while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.source import Entry, Mapping, Node, Scalar

from .blocks import is_null


@dataclass(slots=True)
class FlatEntry:
    """One entry of the flat list, until all of the list is known."""

    kind: str
    span: Span
    body: Node | None = None
    source: Entry | None = None
    name: str = ""
    name_span: Span | None = None
    named: bool = False
    """Whether the name is to be written, or is the one that the entry gets anyway."""
    whole: Node | None = None
    """What has not the form of an entry, as it was written."""

    def node(self) -> Node:
        """The entry as a spec writes it."""
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
        """The settings with a name, or with what the entry takes."""
        body = self._body()
        if is_null(body):
            return Mapping(extra, self.span)
        if isinstance(body, Mapping):
            # A `name` that is not a text stays where it is: reading the spec reports it.
            added = {key: entry for key, entry in extra.items() if key not in body.entries}
            return Mapping({**body.entries, **added}, body.span)
        primary = self._primary()
        return Mapping({primary: Entry(body.span, body), **extra}, body.span) if primary else body

    def _primary(self) -> str | None:
        """The setting that a value alone sets. A kind that is misspelt is reported later: what is
        written behind it must not cost the entry its name.
        """
        layer = LAYERS.find(self.kind) or LAYERS.find(nearest(self.kind, LAYERS.names()) or "")
        return layer.primary() if layer else None


@dataclass
class RoundNames:
    """Names of unnamed entries in rounds: each round has the same ones, with its own number
    behind.
    """

    rounds: int
    found: list[str] = field(default_factory=list)
    position: int = 0

    def next(self, make: Callable[[], str]) -> str:
        if self.position == len(self.found):
            self.found.append(make())
        self.position += 1
        return self.found[self.position - 1]

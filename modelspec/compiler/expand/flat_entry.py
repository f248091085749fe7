"""Entries of the flat list while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.source import Entry, Mapping, Node, Scalar

from .blocks import is_null


@dataclass(slots=True)
class Record:
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
    """What is no entry, as it was written."""

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
        return Mapping({self.kind: Entry(self.span, self._with(extra))}, self.span)

    def _with(self, extra: dict[str, Entry]) -> Node:
        body = self.body
        if body is None or (is_null(body) and extra):
            return Mapping(extra, self.span)
        if not extra:
            return body
        if isinstance(body, Mapping):
            # A `name` that is none stays where it is, and reading the spec says so.
            return Mapping(
                {**body.entries, **{key: extra[key] for key in extra if key not in body.entries}},
                body.span,
            )
        # Of a kind that is misspelt, which is told later, what stands behind it must not cost the
        # entry its name.
        layer = LAYERS.find(self.kind) or LAYERS.find(nearest(self.kind, LAYERS.names()) or "")
        primary = layer.primary() if layer else None
        return Mapping({primary: Entry(body.span, body), **extra}, body.span) if primary else body


@dataclass
class Bases:
    """Names of unnamed entries in rounds: each round has the same ones, with its own number
    behind.
    """

    rounds: int
    found: list[str] = field(default_factory=list)
    at: int = 0

    def next(self, make: Callable[[], str]) -> str:
        if self.at == len(self.found):
            self.found.append(make())
        self.at += 1
        return self.found[self.at - 1]

"""A list of layers once loops are run and blocks are entered, before tensors have names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from modelspec.core.diagnostics import Span
from modelspec.core.source import Mapping, Node

from .blocks import Block
from .scope import Binding, Scope


@dataclass(slots=True)
class Call:
    """One entry that stays one: a layer or something shared, with its settings as written and the
    scope they are in.
    """

    kind: str
    span: Span
    body: Node | None
    scope: Scope
    name: str | None = None
    name_span: Span | None = None
    is_later_round: bool = False
    """A round after the first takes the tensor of the round before in place of its own first."""


@dataclass(slots=True)
class BlockUse:
    """The use of a block, with its entries."""

    call: Call
    block: Block
    scope: Scope
    """Inside the block."""
    arguments: dict[str, Binding]
    items: list[Item]


@dataclass(slots=True)
class LibraryUse:
    """The use of a model of the library: a call of a sub-model of its own."""

    call: Call
    node: Mapping
    """The sub-model, expanded."""
    base: str
    """What the call is named where it has no name."""
    around: tuple[str, ...] = ()
    """The wrappers through which it is called, the outermost first."""


@dataclass(slots=True)
class Repeat:
    """Rounds of one entry, or of a list of entries."""

    rounds: list[list[Item]]


@dataclass(slots=True)
class Branches:
    """Chains that all begin at one tensor."""

    span: Span
    source: Node | None
    """`from`, where it was written."""
    scope: Scope
    branches: list[list[Item]]
    join: Call | BlockUse
    is_later_round: bool = False


@dataclass(slots=True)
class Source:
    """The tensor that the entries after it begin at."""

    node: Node
    scope: Scope


@dataclass(slots=True)
class Excluded:
    """Entries that a `when` or a `repeat` left out: their names, and where that is written."""

    names: list[tuple[str, Span]]
    span: Span


@dataclass(slots=True)
class Erroneous:
    """An entry in error, which is reported. Whatever takes its tensor stays silent."""

    span: Span
    kind: str = "?"
    name: str | None = None


@dataclass(slots=True)
class NoEntry:
    """What has not the form of an entry; reading the spec reports it."""

    node: Node
    scope: Scope


Item: TypeAlias = (
    Call | BlockUse | LibraryUse | Repeat | Branches | Source | Excluded | Erroneous | NoEntry
)

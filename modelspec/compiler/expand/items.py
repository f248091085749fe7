"""A list of layers after loops and blocks are expanded, before tensors have names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from modelspec.core.diagnostics import Span
from modelspec.core.source import Mapping, Node

from .blocks import Block
from .scope import Binding, Scope


@dataclass(slots=True)
class Call:
    """One entry that stays one entry: a layer or shared name, with its settings as written and
    their scope.
    """

    kind: str
    span: Span
    body: Node | None
    scope: Scope
    name: str | None = None
    name_span: Span | None = None
    is_later_round: bool = False
    """A round after the first takes the tensor of the previous round as its first tensor."""


@dataclass(slots=True)
class BlockUse:
    """The use of a block, with its entries."""

    call: Call
    block: Block
    scope: Scope
    """Inside the block."""
    arguments: dict[str, Binding]
    items: list[Item]
    shared: Mapping | None = None
    """The shared definitions of this use, expanded."""
    sizes: dict[str, Binding] = field(default_factory=dict)
    """Names in its scope for the inputs whose sizes it uses."""
    expand: Callable[[], tuple[list[Item], Mapping | None]] | None = None
    """Makes its entries once `sizes` is known; None if they are already made."""


@dataclass(slots=True)
class LibraryUse:
    """The use of a library model: a call of its own sub-model."""

    call: Call
    node: Mapping
    """The sub-model, expanded."""
    base: str
    """The default name of the call."""
    around: tuple[str, ...] = ()
    """The wrappers through which it is called, the outermost first."""


@dataclass(slots=True)
class Repeat:
    """Rounds of one entry, or of a list of entries."""

    rounds: list[list[Item]]
    is_for: bool = False
    """Rounds of a `for`: only entries without a name get the numbers of their rounds, because an
    explicit name can contain the loop variable. Rounds of a `repeat` number every name.
    """


@dataclass(slots=True)
class Branches:
    """Chains that all start at one tensor."""

    span: Span
    source: Node | None
    """`from`, if it was written."""
    scope: Scope
    branches: list[list[Item] | Repeat]
    """The chains; each round of a `Repeat` is one."""
    join: Call | BlockUse
    is_later_round: bool = False
    excluded: list[Excluded] = field(default_factory=list)
    """Chains that a `when` left out."""

    def lists(self) -> Iterator[list[Item]]:
        """The items of all chains."""
        for one in self.branches:
            yield [one] if isinstance(one, Repeat) else one
        yield [*self.excluded]


@dataclass(slots=True)
class Source:
    """The tensor that the following entries start at."""

    node: Node
    scope: Scope


@dataclass(slots=True)
class Excluded:
    """Entries that a `when` or a `repeat` left out: their names, and the place of that
    condition.
    """

    names: list[tuple[str, Span]]
    span: Span


@dataclass(slots=True)
class Erroneous:
    """An invalid entry, which is already reported. Entries that take its tensor cause no errors."""

    span: Span
    kind: str = "?"
    name: str | None = None


@dataclass(slots=True)
class NoEntry:
    """A malformed entry; the spec reader reports it."""

    node: Node
    scope: Scope


Item: TypeAlias = (
    Call | BlockUse | LibraryUse | Repeat | Branches | Source | Excluded | Erroneous | NoEntry
)

"""Limits of expansion; beyond each of them it stops with a clear error."""

from __future__ import annotations

from typing import Final

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.records import dataclass
from modelspec.core.source import Mapping, Node, Sequence

LAYERS: Final = 10_000
"""Entries of `layers` after expansion, in all models of a spec together: several times the largest
known model, and as many as can be checked within two seconds.
"""

VISITS: Final = 50_000
"""Entries, rounds of loops and uses of blocks that expansion processes, including those without
layers.
"""

NODES: Final = 200_000
"""Keys and values that expansion writes."""

LEVELS: Final = 100
"""Nested mappings and lists in a value."""

DEPTH: Final = 50
"""Nested blocks, loops and branches."""

STEPS: Final = 10_000
"""Steps of one expression: operations, and the items of the lists and strings that they make or
read.
"""

ALL_STEPS: Final = 1_000_000
"""Steps of all expressions of a spec."""

LENGTH: Final = 2_000
"""Characters in one expression."""

ALL_CHARACTERS: Final = 200_000
"""Characters in all distinct expressions of a spec."""

NESTING: Final = 50
"""Nested operations in an expression."""

SIZE: Final = 10_000
"""Characters of a string, or items of a list (nested lists included), that an expression makes."""

FAULTS: Final = 1_000
"""The number of errors after which the search for more stops."""

FILES: Final = 100
"""Files that one spec extends, directly or through others."""

LARGEST: Final = 2**63 - 1
SMALLEST: Final = -(2**63)


class TooMuch(Exception):
    """A limit of the whole spec is exceeded: expansion stops."""

    def __init__(self, fault: Fault, span: Span) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.span = span


@dataclass
class Spent:
    """The amounts that one spec has used so far."""

    layers: int = 0
    visits: int = 0
    nodes: int = 0
    steps: int = 0
    characters: int = 0

    def layer(self, span: Span, count: int = 1) -> None:
        self.layers += count
        if self.layers > LAYERS:
            raise TooMuch(_too_many_layers(self.layers), span)

    def visit(self, span: Span, count: int = 1) -> None:
        self.visits += count
        if self.visits > VISITS:
            raise TooMuch(too_many_visits(), span)

    def node(self, span: Span, count: int = 1) -> None:
        self.nodes += count
        if self.nodes > NODES:
            raise TooMuch(_too_many("keys and values", NODES), span)

    def foresee(self, layers: int, visits: int, span: Span) -> None:
        """Raises `TooMuch` if so many more layers and visits exceed the limit."""
        if self.layers + layers > LAYERS:
            raise TooMuch(_too_many_layers(self.layers + layers), span)
        if self.visits + visits > VISITS:
            raise TooMuch(too_many_visits(), span)

    def step(self, span: Span, count: int) -> None:
        self.steps += count
        if self.steps > ALL_STEPS:
            raise TooMuch(_too_many("steps of expressions", ALL_STEPS), span)

    def read(self, span: Span, count: int) -> None:
        self.characters += count
        if self.characters > ALL_CHARACTERS:
            raise TooMuch(_too_many("characters of expressions", ALL_CHARACTERS), span)


def _too_many_layers(found: int) -> Fault:
    """`found`: the count so far; what follows the place of the error is not counted."""
    return Fault(
        "MS108",
        f"the model has at least {found:,} layers after expansion, the limit is {LAYERS:,}",
        help="repeat less; nested loops and blocks multiply",
    )


def check_written_layers(root: Mapping) -> None:
    """Raises `TooMuch` if a document without expressions has more layers than the limit."""
    entry = root.entries.get("model")
    if entry is not None:
        _count_layers(entry.value, Spent())


def _count_layers(node: Node, spent: Spent) -> None:
    """Count the layers of a model, of a list of layers and of shared definitions."""
    if isinstance(node, Sequence):
        spent.layer(node.span, len(node.items))
    elif isinstance(node, Mapping):
        layers, shared = node.entries.get("layers"), node.entries.get("shared")
        if layers is not None and isinstance(layers.value, Sequence):
            spent.layer(layers.key_span, len(layers.value.items))
        if shared is not None and isinstance(shared.value, Mapping):
            for entry in shared.value.entries.values():
                _count_layers(entry.value, spent)


def too_many_visits() -> Fault:
    return _too_many("entries and rounds", VISITS)


def too_deep() -> Fault:
    return Fault(
        "MS108",
        f"more than {DEPTH} nested blocks, loops and branches",
        help="reduce the nesting",
    )


def _too_many(what: str, limit: int) -> Fault:
    return Fault(
        "MS108",
        f"the expansion exceeds the limit of {limit:,} {what}",
        help="repeat less; nested loops and blocks multiply",
    )

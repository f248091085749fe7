"""The tree of a formula. Every node has its position in the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import EllipsisType
from typing import Any, Final, TypeAlias

from modelspec.core.records import NamedTuple, dataclass

MAX_LENGTH: Final = 2_000
"""The maximum number of characters of a formula."""
MAX_DEPTH: Final = 60
"""The maximum depth of nested operations."""
MAX_NODES: Final = 600
"""The maximum total of numbers, names and operations."""

Place: TypeAlias = tuple[int, int]
"""The characters of the text from the first up to the second."""


class Constant(NamedTuple):
    """A number, as written or computed from numbers."""

    value: int | float
    place: Place


class Name(NamedTuple):
    """A tensor (or a number) by its name."""

    name: str
    place: Place


class Call(NamedTuple):
    """An operation: a function of the table, also where it is written as an operator."""

    function: str
    tensors: Mapping[str, Node | tuple[Node, ...]]
    """Its operands, by parameter."""
    settings: Mapping[str, Any]
    """Its constants (`axis`), by parameter, including defaults."""
    places: Mapping[str, Place]
    """The position of each parameter that was written."""
    place: Place
    sign: bool = False
    """Whether it is written as an operator."""


class Result(NamedTuple):
    """One of the results of a function that has several: `top_k(x, 3)[0]`."""

    value: Call
    position: int
    place: Place


class Index(NamedTuple):
    """A part of a tensor: `x[:, -1]`."""

    value: Node
    items: tuple[int | slice | EllipsisType | None, ...]
    item_places: tuple[Place, ...]
    place: Place


class Choice(NamedTuple):
    """`yes if test else no`, on numbers."""

    test: Node
    yes: Node
    no: Node
    place: Place


Node: TypeAlias = Constant | Name | Call | Result | Index | Choice


@dataclass(frozen=True, eq=False)
class Formula:
    """A parsed formula. Equality is identity, since a tree may be large."""

    text: str
    root: Node
    names: tuple[Name, ...]
    """Every name at its first occurrence, in the order of the text."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names in the formula."""
        return tuple(one.name for one in self.names)

    def __str__(self) -> str:
        return self.text


def listed(item: Node | tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes of a parameter, one or several."""
    return (item,) if isinstance(item, (Constant, Name, Call, Result, Index, Choice)) else item


def children(node: Node) -> Iterator[Node]:
    """The operands of a node."""
    if isinstance(node, Call):
        for item in node.tensors.values():
            yield from listed(item)
    elif isinstance(node, (Index, Result)):
        yield node.value
    elif isinstance(node, Choice):
        yield from (node.test, node.yes, node.no)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the tree."""
    yield node
    for child in children(node):
        yield from walk(child)

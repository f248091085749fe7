"""The tree of a formula. Every node knows which characters of the text it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final, NamedTuple, TypeAlias

MAX_LENGTH: Final = 2_000
"""Characters of a formula."""
MAX_DEPTH: Final = 60
"""Operations inside one another."""
MAX_NODES: Final = 600
"""Numbers, names and operations in all."""

Place: TypeAlias = tuple[int, int]
"""The characters of the text from the first up to the second."""


class Constant(NamedTuple):
    """A number, as written or worked out from numbers."""

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
    """What it computes with, by parameter."""
    settings: Mapping[str, Any]
    """What is fixed in the text (`axis`), by parameter, defaults included."""
    places: Mapping[str, Place]
    """Where each parameter that was written is."""
    place: Place
    sign: bool = False
    """Whether it is written as an operator."""


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


Node: TypeAlias = Constant | Name | Call | Index | Choice


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula that was read. It is equal to itself alone: a tree may be large."""

    text: str
    root: Node
    names: tuple[Name, ...]
    """Every name at its first place, in the order of the text."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names that it computes with."""
        return tuple(one.name for one in self.names)

    def __str__(self) -> str:
        return self.text


def listed(item: Node | tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes of a parameter, which takes one or several."""
    return (item,) if isinstance(item, (Constant, Name, Call, Index, Choice)) else item


def children(node: Node) -> Iterator[Node]:
    """The nodes that a node computes with."""
    if isinstance(node, Call):
        for item in node.tensors.values():
            yield from listed(item)
    elif isinstance(node, Index):
        yield node.value
    elif isinstance(node, Choice):
        yield from (node.test, node.yes, node.no)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text as far as a tree has it."""
    yield node
    for child in children(node):
        yield from walk(child)

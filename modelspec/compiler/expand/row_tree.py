"""The tree of a condition on rows. Every part has its place in the text."""

from __future__ import annotations

from typing import Any, TypeAlias

from modelspec.core.records import NamedTuple

Place: TypeAlias = tuple[int, int]


class Literal(NamedTuple):
    """A number, a string, `true` or `false`."""

    value: Any
    place: Place


class Column(NamedTuple):
    """The value of a column in a row."""

    name: str
    place: Place


class Arithmetic(NamedTuple):
    """An operation on two numbers: `+`, `-`, `*`, `/`, `//`, `%`, `**`."""

    sign: str
    left: Node
    right: Node
    place: Place


class Signed(NamedTuple):
    """A number with the opposite sign."""

    value: Node
    place: Place


class Comparison(NamedTuple):
    """`==`, `!=`, `<`, `<=`, `>`, `>=`; with `in` and `not in`, whether a string contains
    another.
    """

    sign: str
    left: Node
    right: Node
    place: Place


class Among(NamedTuple):
    """Whether a value is in a list."""

    value: Node
    items: tuple[Literal, ...]
    negated: bool
    place: Place


class IsMissing(NamedTuple):
    """Whether a row has no value."""

    value: Node
    negated: bool
    place: Place


class Logic(NamedTuple):
    """`and`, `or`, or `not` of one."""

    word: str
    parts: tuple[Node, ...]
    place: Place


class Choice(NamedTuple):
    """`a if test else b`."""

    test: Node
    body: Node
    otherwise: Node
    place: Place


class Call(NamedTuple):
    """A function of some values."""

    function: str
    arguments: tuple[Node, ...]
    place: Place


Node: TypeAlias = (
    Literal | Column | Arithmetic | Signed | Comparison | Among | IsMissing | Logic | Choice | Call
)


class Condition(NamedTuple):
    """A parsed condition."""

    text: str
    tree: Node
    columns: dict[str, Place]
    """Every column, and its first place in the text."""

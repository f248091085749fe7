"""The tree of a condition on rows. Every part knows its place in the text."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

Place: TypeAlias = tuple[int, int]


class Literal(NamedTuple):
    """A number, a text, `true` or `false`."""

    value: Any
    place: Place


class Column(NamedTuple):
    """The value of a row in a column."""

    name: str
    place: Place


class Arithmetic(NamedTuple):
    """Two numbers to one: `+`, `-`, `*`, `/`, `//`, `%`, `**`."""

    sign: str
    left: Node
    right: Node
    place: Place


class Signed(NamedTuple):
    """A number with the other sign."""

    value: Node
    place: Place


class Comparison(NamedTuple):
    """`==`, `!=`, `<`, `<=`, `>`, `>=`; with `in` and `not in` whether a text is in another one."""

    sign: str
    left: Node
    right: Node
    place: Place


class Among(NamedTuple):
    """Whether a value is one of some."""

    value: Node
    items: tuple[Literal, ...]
    negated: bool
    place: Place


class IsMissing(NamedTuple):
    """Whether a row lacks a value."""

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
    """A condition that was read."""

    text: str
    tree: Node
    columns: dict[str, Place]
    """Every column, and where it is named first."""

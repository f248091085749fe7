"""The value of a size that is not known while blocks are expanded."""

from __future__ import annotations

from typing import Any, Final

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.shapes import Shape
from modelspec.core.source import Mapping, Node, Scalar, Sequence


class UnknownSize:
    """A size, or a shape, without a value: no expression can compute with it."""

    def __repr__(self) -> str:
        return "an unknown size"


UNKNOWN: Final[Any] = UnknownSize()


def is_unknown(value: Any) -> bool:
    """Whether a value is an unknown size, or a list that contains one."""
    return value is UNKNOWN or (isinstance(value, tuple) and any(map(is_unknown, value)))


def contains_unknown(node: Node) -> bool:
    """The same for a node of a spec."""
    if isinstance(node, Scalar):
        return node.value is UNKNOWN
    if isinstance(node, Sequence):
        return any(map(contains_unknown, node.items))
    assert isinstance(node, Mapping)
    return any(contains_unknown(entry.value) for entry in node.entries.values())


def unknown_size(text: str) -> Fault:
    """MS421, for the part of an expression that has no value."""
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return Fault(
        "MS421",
        f"`{shown}` is not known before the model runs",
        help="declare the size in `inputs`, or make it a parameter of the block",
    )


def shape_node(shape: Shape | None, span: Span) -> Node:
    """A shape as a value of expressions."""
    if shape is None:
        return Scalar(UNKNOWN, span)
    sizes = (size if isinstance(size, int) else UNKNOWN for size in shape)
    return Sequence(tuple(Scalar(size, span) for size in sizes), span)

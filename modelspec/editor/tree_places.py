"""What is written at an offset of a text: the path of keys and positions, and the value."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Mapping, Node, Scalar, Sequence

Step: TypeAlias = "str | int"


class Written(NamedTuple):
    """The innermost key or value at an offset."""

    path: tuple[Step, ...]
    node: Node
    """The value; at a key, the value of the key."""
    key: Span | None
    """The key, if the offset is in it."""

    @property
    def span(self) -> Span:
        """The key or the value."""
        return origin_of(self.key or self.node.span)

    @property
    def word(self) -> str | None:
        """The key, or the value if it is a string."""
        if self.key is not None:
            return str(self.path[-1])
        is_text = isinstance(self.node, Scalar) and isinstance(self.node.value, str)
        return str(self.node.value) if is_text and isinstance(self.node, Scalar) else None


def written_at(root: Node, offset: int) -> Written | None:
    """What is at an offset; None between the values."""
    node, path = root, list[Step]()
    while True:
        if isinstance(node, Mapping):
            for key, entry in node.entries.items():
                if covers(entry.key_span, offset):
                    return Written((*path, key), entry.value, entry.key_span)
            below: Node | None = None
            for key, entry in node.entries.items():
                if _reaches(entry.key_span, entry.value, offset):
                    below = entry.value
                    path.append(key)
                    break
        elif isinstance(node, Sequence):
            at = next((i for i, one in enumerate(node.items) if covers(one.span, offset)), None)
            below = None if at is None else node.items[at]
            path += () if at is None else (at,)
        else:
            return Written(tuple(path), node, None) if covers(node.span, offset) else None
        if below is None:
            return None
        node = below


def _reaches(key: Span, value: Node, offset: int) -> bool:
    """Whether an offset is in the value of a key; an alias is written elsewhere."""
    return value.span.start >= key.end and covers(value.span, offset)


def covers(span: Span, offset: int) -> bool:
    """Whether an offset is in a place, or directly after it."""
    return span.start <= offset <= span.end

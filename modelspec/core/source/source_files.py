"""The files that a document was read from."""

from __future__ import annotations

from collections.abc import Iterator

from .node import Mapping, Node, Sequence


def source_files(root: Node) -> tuple[str, ...]:
    """The file of a document, then those that it extends; each once."""
    return tuple(dict.fromkeys(_files(root)))


def _files(node: Node) -> Iterator[str]:
    yield node.span.file
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.key_span.file
            yield from _files(entry.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _files(item)

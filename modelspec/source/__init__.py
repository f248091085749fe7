"""Text to `Document`: YAML and JSON with the place of every key and value."""

from .node import Document, Entry, Mapping, Node, Scalar, Sequence, Value, find, locate, plain, walk
from .read import read, read_mapping, read_text

__all__ = [
    "Document", "Entry", "Mapping", "Node", "Scalar", "Sequence", "Value",
    "find", "locate", "plain", "read", "read_mapping", "read_text", "walk",
]

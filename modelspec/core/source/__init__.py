"""Text to `Document`: YAML and JSON with the place of every key and value."""

from .node import (
    Document,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Value,
    find,
    locate,
    mentions,
    plain,
    walk,
)
from .read import Kind, kind_of, read, read_mapping, read_text, recovered
from .scalars import hint

__all__ = [
    "Document",
    "Entry",
    "Kind",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Value",
    "find",
    "hint",
    "kind_of",
    "locate",
    "mentions",
    "plain",
    "read",
    "read_mapping",
    "read_text",
    "recovered",
    "walk",
]

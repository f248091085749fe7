"""Whether a document needs expansion at all: most do not, and then none of it is loaded."""

from __future__ import annotations

import re
from typing import Final

from ..source import Mapping, Node, Scalar, Sequence

GONE: Final = ("extends", "vars", "blocks")
"""Sections that an expanded spec no longer has."""
_WORDS: Final = ("when", "repeat", "for", "branches", "do")

_HINT = re.compile(r"\$|\b(?:when|repeat|for|branches|do|extends|vars|blocks)\b|\\[uUx]")
"""What a text has in it that may need expansion."""


def needs_expansion(root: Mapping) -> bool:
    """Whether anything in the document stands for something else. A look at the text settles it for most."""
    return _HINT.search(root.span.source.text) is not None and (
        any(key in root.entries for key in GONE)
        or any(_stands_for_another(entry.value) for key, entry in root.entries.items() if not key.startswith("x-"))
    )


def _stands_for_another(node: Node) -> bool:
    if isinstance(node, Scalar):
        return isinstance(node.value, str) and "$" in node.value
    if isinstance(node, Sequence):
        return any(map(_stands_for_another, node.items))
    return any(key in _WORDS or _stands_for_another(entry.value) for key, entry in node.entries.items())

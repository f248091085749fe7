"""Whether a document needs expansion at all: most do not, and then none of it is loaded."""

from __future__ import annotations

import re
from typing import Final

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import nearest
from modelspec.core.source import Mapping, Node, Scalar, Sequence

from ..spec.spec_file import EXPANDED, KEYS, LATER
from ..spec.wrapped_models import held_by, is_model_wrapper

GONE: Final = ("extends", "vars", "blocks")
"""Sections that an expanded spec no longer has."""
_WORDS: Final = ("when", "repeat", "for", "branches", "do")

_HINT = re.compile(r"\$|\b(?:when|repeat|for|branches|do|extends|vars|blocks)\b|\\[uUx]")
"""What a text has in it that may need expansion."""


def needs_expansion(root: Mapping) -> bool:
    """Whether anything in the document is to be expanded. A look at the text settles it for
    most.
    """
    return (
        _HINT.search(root.span.source.text) is not None
        and (
            any(key in root.entries for key in GONE)
            or any(
                _is_expandable(entry.value)
                for key, entry in root.entries.items()
                if not key.startswith("x-")
            )
        )
    ) or ("model" in root.entries and _uses_library(root.entries["model"].value))


def _is_expandable(node: Node) -> bool:
    """Whether a value has an expression in it, or a word of control flow."""
    if isinstance(node, Scalar):
        return isinstance(node.value, str) and "$" in node.value
    if isinstance(node, Sequence):
        return any(map(_is_expandable, node.items))
    return any(key in _WORDS or _is_expandable(entry.value) for key, entry in node.entries.items())


def _uses_library(node: Node) -> bool:
    """Whether a model, a list of layers or something shared names a kind of the library. (There are
    no lists inside lists: those are below words that were looked for before.)
    """
    if isinstance(node, Sequence):
        return any(_is_shipped(item) or _holds_model(item) for item in node.items)
    if not isinstance(node, Mapping):
        return False
    layers, shared = node.entries.get("layers"), node.entries.get("shared")
    things = shared.value.entries.values() if shared and isinstance(shared.value, Mapping) else ()
    return (layers is not None and _uses_library(layers.value)) or any(
        _is_shipped(entry.value) or _uses_library(entry.value) for entry in things
    )


def _is_shipped(node: Node) -> bool:
    kind: object = None
    if isinstance(node, Scalar):
        kind = node.value
    elif isinstance(node, Mapping) and len(node.entries) == 1:
        kind = next(iter(node.entries))
    return isinstance(kind, str) and kind not in LAYERS and is_kind(kind)


def _holds_model(node: Node) -> bool:
    """Whether an entry is a wrapper around a kind of the library, a model or a list of layers."""
    while isinstance(node, Mapping) and len(node.entries) == 1:
        kind, entry = next(iter(node.entries.items()))
        held = held_by(entry.value)
        if held is None or not is_model_wrapper(kind):
            return False
        node = held.node
        if _is_shipped(node) or isinstance(node, Sequence):
            return True
        if isinstance(node, Mapping) and "layers" in node.entries:
            return True
    return False


def with_misspelt_sections(root: Mapping) -> Mapping:
    """The document with what is written under a misspelt `extends`, `vars` or `blocks` also under
    the right key.

    The slip itself is reported when the spec is read; every name and block that it takes away would
    be reported as well.
    """
    known = (*KEYS, *EXPANDED, *LATER)
    strange = [key for key in root.entries if key not in known and not key.startswith("x-")]
    found = {
        near: root.entries[key]
        for key in strange
        if (near := nearest(key, known)) in GONE and near not in root.entries
    }
    return Mapping({**root.entries, **found}, root.span) if found else root

"""Whether a document requires expansion: most do not, and then the expansion is not imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import nearest
from modelspec.core.ignored_keys import is_ignored
from modelspec.core.source import Mapping, Node, Scalar, Sequence

from ..spec.spec_file import EXPANDED, KEYS
from ..spec.wrapped_models import held_by, is_model_wrapper

GONE: Final = ("extends", "vars", "blocks")
"""Sections that an expanded spec does not have."""
_WORDS: Final = ("when", "repeat", "for", "branches", "do")

_HINT = re.compile(r"\$|\b(?:when|repeat|for|branches|do|extends|vars|blocks)\b|\\[uUx]")
"""Strings in a text that may require expansion."""


def needs_expansion(root: Mapping) -> bool:
    """Whether anything in the document has to be expanded. For most, a search of the text
    decides.
    """
    return (
        _HINT.search(root.span.source.text) is not None
        and (
            any(key in root.entries for key in GONE)
            or any(
                _is_expandable(entry.value)
                for key, entry in root.entries.items()
                if not is_ignored(key)
            )
        )
    ) or ("model" in root.entries and _uses_library(root.entries["model"].value))


def _is_expandable(node: Node) -> bool:
    """Whether a value contains an expression or a control flow word."""
    if isinstance(node, Scalar):
        return isinstance(node.value, str) and "$" in node.value
    if isinstance(node, Sequence):
        return any(map(_is_expandable, node.items))
    return any(key in _WORDS or _is_expandable(entry.value) for key, entry in node.entries.items())


def _uses_library(node: Node) -> bool:
    """Whether a model, a list of layers or a shared definition uses a kind of the library. (Nested
    lists belong to control flow words, which were searched before.)
    """
    if isinstance(node, Sequence):
        return any(_is_shipped(item) or _holds_model(item) for item in _of_each_kind(node))
    if not isinstance(node, Mapping):
        return False
    layers, shared = node.entries.get("layers"), node.entries.get("shared")
    definitions = (
        shared.value.entries.values() if shared and isinstance(shared.value, Mapping) else ()
    )
    return (layers is not None and _uses_library(layers.value)) or any(
        _is_shipped(entry.value) or _uses_library(entry.value) for entry in definitions
    )


def _of_each_kind(node: Sequence) -> Iterator[Node]:
    """The first entry of each kind, and every entry of a kind that can hold a model."""
    seen: set[object] = set()
    for item in node.items:
        kind = _kind(item)
        if kind not in seen:
            yield item
            if not isinstance(kind, str) or not is_model_wrapper(kind):
                seen.add(kind)


def _kind(node: Node) -> object:
    """The word at the start of an entry; None if it has another form."""
    if isinstance(node, Mapping):
        return next(iter(node.entries)) if len(node.entries) == 1 else None
    return node.value if isinstance(node, Scalar) else None


def _is_shipped(node: Node) -> bool:
    kind = _kind(node)
    return isinstance(kind, str) and kind not in LAYERS and is_kind(kind)


def _holds_model(node: Node) -> bool:
    """Whether an entry is a wrapper around a kind of the library, a model or a list of layers."""
    while isinstance(node, Mapping) and len(node.entries) == 1:
        kind, entry = next(iter(node.entries.items()))
        held = held_by(entry.value) if is_model_wrapper(kind) else None
        if held is None:
            return False
        node = held.node
        if _is_shipped(node) or isinstance(node, Sequence):
            return True
        if isinstance(node, Mapping) and "layers" in node.entries:
            return True
    return False


def with_misspelt_sections(root: Mapping) -> Mapping:
    """The document in which a misspelled `extends`, `vars` or `blocks` is also present under the
    right key.

    The misspelling itself is reported when the spec is read; without this, every name and block
    that it defines would be reported as well.
    """
    known = (*KEYS, *EXPANDED)
    strange = [key for key in root.entries if key not in known and not is_ignored(key)]
    found = {
        near: root.entries[key]
        for key in strange
        if (near := nearest(key, known)) in GONE and near not in root.entries
    }
    return Mapping({**root.entries, **found}, root.span) if found else root

"""Expansion: extends, overrides, variables and expressions, blocks, branches and loops become plain
values.

    extends   files that this one extends, merged key by key
    overrides values set from outside, by path
    document  names and expressions, blocks and loops: the result is a flat list of layers
    paths     paths in other files or overrides, made relative to the folder of the spec

    Every node of the result records where it was written, and which uses made it part of the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.core.diagnostics import Checked, Collector, TooManyFaults
from modelspec.core.diagnostics.repaired import repairs_of
from modelspec.core.paused_collection import paused_collection
from modelspec.core.settings import Context
from modelspec.core.source import Document, walk
from modelspec.core.source import Mapping as Root

from .detection import needs_expansion, with_misspelt_sections
from .limits import FAULTS, TooMuch, check_written_layers
from .meant_sections import with_meant_sections


def expand(
    document: Document, context: Context, overrides: Mapping[str, Any]
) -> Checked[Document | None]:
    """The document with plain values and flat lists of layers only; unchanged if nothing has to be
    expanded.

    `overrides` are values by path, set after `extends`: `{"training.epochs": 3}`. None if a limit
    is exceeded.
    """
    with paused_collection():  # until partial results are freed, if a limit is exceeded
        return _expanded(document, context, overrides)


def _expanded(
    document: Document, context: Context, overrides: Mapping[str, Any]
) -> Checked[Document | None]:
    root = document.root
    collector = Collector(FAULTS)
    try:
        root = merged(root, context, overrides, collector)
        moved = bool(overrides) or "extends" in document.root.entries
        repaired = document.repaired or (moved and _has_repairs(root, collector))
        root = expand_merged(root, document.root, context, collector, moved=moved)
    except TooMuch as spent:
        collector.found.append(spent.fault.at(spent.span))
        return Checked(None, collector.diagnostics)
    except TooManyFaults as many:
        collector.found.append(many.last("the rest of the spec"))
        return Checked(None, collector.diagnostics)
    if root is document.root:
        return Checked(document, collector.diagnostics)
    return Checked(Document(root, repaired), collector.diagnostics)


def _has_repairs(root: Root, collector: Collector) -> bool:
    """Whether a part of the document is from a file with syntax errors that it extends."""
    return collector.has_errors and any(map(repairs_of, (node.span for node in walk(root))))


def merged(
    root: Root, context: Context, overrides: Mapping[str, Any], collector: Collector
) -> Root:
    """The document with the files that it extends and with overrides, before any expression."""
    root = with_misspelt_sections(root)
    if "extends" in root.entries:
        from .extends import extend

        root = extend(root, context, collector)
    if overrides:
        from .overrides import override

        root = override(root, overrides, collector)
    return root


def expand_merged(
    root: Root, written: Root | None, context: Context, collector: Collector, *, moved: bool
) -> Root:
    """A merged document, expanded; unchanged if it is the one as `written` and requires no
    expansion. `moved`: whether paths in it may be relative to other folders.
    """
    root = with_meant_sections(root, collector)
    if root is not written or needs_expansion(root):
        from .expand_document import expand_document

        root = expand_document(root, collector, context)
    else:
        check_written_layers(root)
    if moved:
        from .rebase import rebase

        root = rebase(root, context)
    return root

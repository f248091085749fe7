"""Expansion: extends, overrides, variables and expressions, blocks, branches and loops become plain
values.

    extends   files that this one builds on, merged key by key
    overrides values set from outside, by path
    document  names and expressions, blocks and loops: a flat list of layers comes out

Every node of the result knows where it was written, and by which uses it became part of the spec.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from modelspec.core.diagnostics import Checked, in_file_order
from modelspec.core.settings import Context
from modelspec.core.source import Document

from .detection import meant, needs_expansion
from .limits import TooMuch
from .notebook import Enough, Notebook


@contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing in a document refers back to what holds it, and its size has a budget: the collector
    of cycles would only look at all of it again and again while it grows, for half of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def expand(
    document: Document, context: Context, overrides: Mapping[str, Any]
) -> Checked[Document | None]:
    """The document with nothing left in it that stands for something else; itself where there is
    nothing such.

    `overrides` are values by path, set after `extends`: `{"training.epochs": 3}`. None where a
    budget is spent.
    """
    with _without_collector():  # until what was made is gone again, where a budget is spent
        return _expanded(document, context, overrides)


def _expanded(
    document: Document, context: Context, overrides: Mapping[str, Any]
) -> Checked[Document | None]:
    root = document.root
    notebook = Notebook()
    try:
        root = meant(root)
        if "extends" in root.entries:
            from .extends import extend

            root = extend(root, context, notebook)
        if overrides:
            from .overrides import override

            root = override(root, overrides, notebook)
        if root is not document.root or needs_expansion(root):
            from .expand_document import expand_document

            root = expand_document(root, notebook)
    except TooMuch as past:
        notebook.found.append(past.fault.at(past.span))
        return Checked(None, in_file_order(notebook.found))
    except Enough:
        return Checked(None, in_file_order(notebook.found))
    return Checked(
        document if root is document.root else Document(root), in_file_order(notebook.found)
    )

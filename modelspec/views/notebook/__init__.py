"""The notebook view of a spec and of a report: HTML with a few inline styles and escaped text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Final

from modelspec.compiler.infer import TypedGraph
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.diagnostics.render import text

from ..picture import picture
from ..summary import table

PICTURED: Final = 400
"""Maximum number of layers for a picture: larger ones are unreadable and slow."""
_SHOWN: Final = 20
"""Maximum number of diagnostics that are shown in full."""
_LINES: Final = 60
"""Maximum number of lines of the table of layers: a longer table is collapsed."""
_PRE: Final = "overflow-x:auto;line-height:1.35;margin:.4em 0;white-space:pre"


def diagnostics_html(diagnostics: Sequence[Diagnostic]) -> str:
    """Diagnostics as `check` prints them; for many, the first ones and a count."""
    rest = len(diagnostics) - _SHOWN
    blocks = [_preformatted(text.block(one)) for one in diagnostics[:_SHOWN]]
    more = f"<p>{rest:,} more: see <code>.diagnostics</code></p>" if rest > 0 else ""
    return f"<div>{''.join(blocks)}{more}<p>{text.count(diagnostics)}</p></div>"


def model_html(name: str, graph: TypedGraph, diagnostics: Sequence[Diagnostic]) -> str:
    """The picture of a model, the table of its layers, and its diagnostics."""
    layers = table(name, graph)
    parts = [_picture(name, graph), _details("layers", layers)]
    if diagnostics:
        parts.append(diagnostics_html(diagnostics))
    return f"<div>{''.join(parts)}</div>"


def _picture(name: str, graph: TypedGraph) -> str:
    """A picture inside the page; empty for a model with more than `PICTURED` layers."""
    if graph.depth_first_calls > PICTURED:
        return ""
    image = b64encode(picture(name, graph, "svg")).decode()
    return (
        '<div style="overflow:auto;max-height:40rem"><img alt="the layers of the model"'
        f' src="data:image/svg+xml;base64,{image}"></div>'
    )


def _preformatted(content: str) -> str:
    """A preformatted text."""
    return f'<pre style="{_PRE}">{escape(content)}</pre>'


def _details(title: str, content: str) -> str:
    opened = " open" if content.count("\n") <= _LINES else ""
    return f"<details{opened}><summary>{title}</summary>{_preformatted(content)}</details>"

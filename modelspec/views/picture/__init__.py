"""`show --picture`: a model as a picture, from its static graph.

    diagram   TypedGraph -> Diagram   boxes, frames, arrows; frames folded below a depth
    layout    Diagram    -> Layout    all positions
    svg, png  Layout     -> a file    `mermaid`, `graphviz`: of a Diagram, for other programs

Loads no framework, and Pillow only for PNG.
"""

from __future__ import annotations

from modelspec.compiler.infer import TypedGraph

from .diagram import diagram

ENDINGS = {
    ".svg": "svg",
    ".png": "png",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "graphviz",
    ".gv": "graphviz",
}
"""The kind of picture for each file extension."""


def picture(name: str, graph: TypedGraph, form: str, depth: int | None = None) -> bytes:
    """The content of a picture's file. `form` is one of the values of `ENDINGS`; frames are open
    down to `depth`.
    """
    drawn = diagram(name, graph, depth)
    if form in ("mermaid", "graphviz"):
        from . import text_formats as text

        return (text.mermaid(drawn) if form == "mermaid" else text.graphviz(drawn)).encode()
    from .layout import layout

    placed = layout(drawn)
    if form == "png":
        from .png import png

        return png(placed)
    from .svg import svg

    return svg(placed, name).encode()

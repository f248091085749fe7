"""The picture as text for other programs: Mermaid (https://mermaid.js.org), Graphviz
(https://graphviz.org).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from .colors import colors
from .elements import Box, Diagram, Frame


def mermaid(diagram: Diagram) -> str:
    """A flowchart in Mermaid syntax, which GitHub renders in Markdown."""
    ids = {key: f"n{index}" for index, key in enumerate(diagram.boxes)}
    lines = ["flowchart TB"]

    def open_frame(frame: Frame, number: int) -> str:
        return f"subgraph f{number}[{_quoted(frame.title)}]"

    def draw_box(box: Box) -> str:
        title, subtitle = _entities(box.title), _entities(box.subtitle)
        return f'{ids[box.key]}["<b>{title}</b><br/>{subtitle}"]'

    lines.extend(_nested(diagram, open_frame, draw_box, "end"))
    lines.extend(
        f"    {ids[one.source]} -- {_quoted(one.shape)} --> {ids[one.target]}"
        for one in diagram.arrows
    )
    for box in diagram.boxes.values():
        fill, border = colors(box)
        lines.append(f"    style {ids[box.key]} fill:{fill},stroke:{border},color:#111827")
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return f'"{_entities(text)}"'


def _entities(text: str) -> str:
    """Escape for Mermaid, which only supports its own kind of entities."""
    return "".join(c if c.isalnum() or c in " _.,:/()+-=\u00d7*" else f"#{ord(c)};" for c in text)


def graphviz(diagram: Diagram) -> str:
    """A graph in Graphviz syntax: `dot -Tsvg model.dot`."""
    ids = {key: f"n{index}" for index, key in enumerate(diagram.boxes)}
    lines = [
        f"digraph {json.dumps(diagram.name)} {{",
        '    node [shape=box, style="rounded,filled", fontname=Helvetica]',
        "    edge [fontname=Helvetica, fontsize=10, color=gray40]",
    ]

    def open_frame(frame: Frame, number: int) -> str:
        return (
            f"subgraph cluster_{number} {{ label={json.dumps(frame.title)}; style=dashed;"
            " color=gray60"
        )

    def draw_box(box: Box) -> str:
        fill, border = colors(box)
        label = json.dumps(f"{box.title}\n{box.subtitle}", ensure_ascii=False)
        return f'{ids[box.key]} [label={label}, fillcolor="{fill}", color="{border}"]'

    lines.extend(_nested(diagram, open_frame, draw_box, "}"))
    for arrow in diagram.arrows:
        label = json.dumps(f" {arrow.shape} ", ensure_ascii=False)
        lines.append(f"    {ids[arrow.source]} -> {ids[arrow.target]} [label={label}]")
    return "\n".join([*lines, "}", ""])


def _nested(
    diagram: Diagram,
    open_frame: Callable[[Frame, int], str],
    draw_box: Callable[[Box], str],
    close: str,
) -> Iterator[str]:
    """The boxes, each inside its frames. Boxes of one frame may not be consecutive."""
    inside: dict[Frame | None, list[Box | Frame]] = {None: []}
    for box in diagram.boxes.values():
        around: Frame | None = None
        for frame in box.frame.way:
            if frame not in inside:
                inside[frame] = []
                inside[around].append(frame)
            around = frame
        inside[around].append(box)
    numbers = {frame: number for number, frame in enumerate(inside)}

    def written(frame: Frame | None, indent: str) -> Iterator[str]:
        for item in inside[frame]:
            if isinstance(item, Box):
                yield indent + draw_box(item)
            else:
                yield indent + open_frame(item, numbers[item])
                yield from written(item, indent + "    ")
                yield indent + close

    yield from written(None, "    ")

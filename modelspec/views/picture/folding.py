"""Folds frames below the requested depth into one box each."""

from __future__ import annotations

from modelspec.core.shapes import known, total

from .captions import counted
from .elements import Arrow, Box, Diagram, Frame


def folded(whole: Diagram, depth: int) -> Diagram:
    """The diagram with every frame deeper than `depth` as one box."""
    found = Diagram(whole.name, depth=depth, deepest=whole.deepest)
    drawn_as: dict[str, str] = {}
    inside: dict[str, list[Box]] = {}
    for key, box in whole.boxes.items():
        way = box.frame.way
        if len(way) <= depth:
            drawn_as[key] = key
            found.boxes[key] = box
            continue
        frame = way[depth]
        inside.setdefault(frame.key, []).append(box)
        drawn_as[key] = frame.key
        found.boxes[frame.key] = _as_box(frame, inside[frame.key])
    seen: set[Arrow] = set()
    for arrow in whole.arrows:
        source, target = drawn_as[arrow.source], drawn_as[arrow.target]
        is_folded = target in inside
        drawn = Arrow(source, target, arrow.shape, "" if is_folded else arrow.argument)
        # A layer may use one tensor twice (`Multiply: {from: [x, x]}`); for a folded frame one
        # arrow is enough.
        if source != target and not (is_folded and drawn in seen):
            seen.add(drawn)
            found.arrows.append(drawn)
    return found


def _as_box(frame: Frame, inside: list[Box]) -> Box:
    name, _, kind = frame.title.rpartition(": ")
    count = known(total(box.parameters for box in inside))
    weights = "" if count == 0 else counted(count)
    subtitle = "  ".join(filter(None, (name, f"{len(inside)} layers", weights)))
    return Box(frame.key, kind, subtitle, "frame", frame.parent or frame, count)

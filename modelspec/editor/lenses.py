"""The commands that are offered above sections of a spec."""

from __future__ import annotations

from typing import Final, NamedTuple

from .analysis import Analysis


class Lens(NamedTuple):
    """A command above a key; the client runs it with the URI of the text."""

    start: int
    end: int
    title: str
    command: str


_COMMANDS: Final = {
    "model": (("show picture", "modelspec.showPicture"),),
    "training": (("train", "modelspec.train"),),
    "sweep": (("sweep", "modelspec.sweep"),),
}


def lenses(analysis: Analysis) -> list[Lens]:
    """The commands at the sections of the text; a sweep can be started at `training` too."""
    if analysis.document is None:
        return []
    sections = analysis.document.root.entries
    found: list[Lens] = []
    for key, commands in _COMMANDS.items():
        if key in sections:
            span = sections[key].key_span
            found += [Lens(span.start, span.end, *one) for one in commands]
    if "sweep" in sections and "training" in sections:
        span = sections["training"].key_span
        found.append(Lens(span.start, span.end, *_COMMANDS["sweep"][0]))
    return sorted(found)

"""The output of commands: streams, colour, and readers that close the pipe."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that move the cursor, change the title of a terminal, or more."""
_COLOUR = re.compile(r"(\x1b\[(?:0|1|3[1-6]|1;3[1-6])?m)")
"""The sequences of modelspec itself."""


def prepare() -> None:
    """Let standard output and error accept any text: characters that the encoding of the terminal
    lacks are escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO | None = None) -> None:
    """Print text with a final line break, on standard output by default. Control characters are
    shown as pictures.

    If the reader closes the pipe (`| head`), the rest is dropped and the exit status of the command
    is unchanged.
    """
    stream = stream or sys.stdout
    text = without_controls(text, colour=in_colour(stream))
    try:
        stream.write(text if text.endswith("\n") else text + "\n")
        stream.flush()
    except BrokenPipeError:
        silence()


def without_controls(text: str, *, colour: bool) -> str:
    """The text with a picture for each control character: data and files of others may contain
    them. With `colour`, the colours of modelspec stay.
    """
    if _CONTROLS.search(text) is None:
        return text
    from modelspec.core.visible import visible

    parts = _COLOUR.split(text) if colour else [text]
    return "".join(
        one if colour and at % 2 else _CONTROLS.sub(lambda found: visible(found[0]), one)
        for at, one in enumerate(parts)
    )


def silence() -> None:
    """Discard the rest of the output, so that the last flush of the interpreter raises nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def in_colour(stream: TextIO) -> bool:
    """Whether to colour: on a terminal that supports it, unless NO_COLOR (https://no-color.org) is
    set.
    """
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def report(diagnostics: Iterable[Diagnostic], stream: TextIO) -> None:
    """Print diagnostics for people."""
    from modelspec.core.diagnostics.render.text import render

    write(render(tuple(diagnostics), color=in_colour(stream)), stream)

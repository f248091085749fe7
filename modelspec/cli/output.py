"""What commands print: to whom, in colour or not, and what happens when nobody reads it any
more.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic


def prepare() -> None:
    """Make standard output and error take any text: a character that the terminal's encoding lacks
    is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO | None = None) -> None:
    """Print a text with its last line ended, on standard output by default.

    A reader that went away (`| head`) is no fault of the spec: the rest is dropped, and the
    command's verdict stands.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text if text.endswith("\n") else text + "\n")
        stream.flush()
    except BrokenPipeError:
        silence()


def silence() -> None:
    """Send the rest of the output nowhere, so that the interpreter's last flush does not
    complain.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def in_colour(stream: TextIO) -> bool:
    """Whether to colour: on a terminal that can, unless NO_COLOR (https://no-color.org) says
    otherwise.
    """
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def report(diagnostics: Iterable[Diagnostic], stream: TextIO) -> None:
    """Print diagnostics for people."""
    from modelspec.core.diagnostics.render.text import render

    write(render(tuple(diagnostics), color=in_colour(stream)), stream)

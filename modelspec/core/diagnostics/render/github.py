"""Diagnostics as GitHub's workflow commands, shown beside the line in a pull request.

Source: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of
actions/toolkit.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..diagnostic import Diagnostic
from .relative_path import relative_path

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnostics: Iterable[Diagnostic], root: Path | None = None) -> str:
    """One command a line; an empty string without diagnostics.

    Paths are relative to `root`, the folder of the repository, or else to the working directory.
    """
    return "".join(_command(diagnostic, root) + "\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, root: Path | None) -> str:
    properties: dict[str, str | int | None] = {}
    if diagnostic.span is not None:
        properties = {
            "file": relative_path(diagnostic.span.file, root),
            "line": diagnostic.line,
            "endLine": diagnostic.end_line,
        }
        if diagnostic.line == diagnostic.end_line:  # columns are only taken for a range on one line
            properties |= {"col": diagnostic.column, "endColumn": diagnostic.end_column}
    properties["title"] = diagnostic.code
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    text = [diagnostic.message, *(f"note: {note}" for note in diagnostic.notes)]
    if diagnostic.help:
        text.append(f"help: {diagnostic.help}")
    return f"::{_COMMANDS[diagnostic.severity]} {written}::" + _data("\n".join(text))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

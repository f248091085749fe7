"""Diagnostics for programs: one JSON object, the same fields that a `Diagnostic` has."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..diagnostic import Diagnostic


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """`{"ok": bool, "diagnostics": [...]}`; lines and columns count from 1, columns in
    characters.
    """
    found = list(diagnostics)
    ok = not any(diagnostic.severity == "error" for diagnostic in found)
    return (
        json.dumps(
            {"ok": ok, "diagnostics": [as_dict(diagnostic) for diagnostic in found]}, indent=2
        )
        + "\n"
    )


def as_dict(diagnostic: Diagnostic) -> dict[str, object]:
    """One diagnostic as JSON's own types; what it has no value for is null."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "end_line": diagnostic.end_line,
        "end_column": diagnostic.end_column,
        "notes": [str(note) for note in diagnostic.notes],
        "help": diagnostic.help,
        "suggestion": diagnostic.suggestion,
    }

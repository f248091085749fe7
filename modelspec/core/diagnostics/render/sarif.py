"""Diagnostics as SARIF 2.1.0, the format that code scanners and editors exchange.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; sections are
given where they matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from ..diagnostic import Diagnostic, Note
from ..pages import page
from ..span import Span
from .relative_path import relative_path

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
Json = dict[str, Any]


def render(
    diagnostics: Iterable[Diagnostic], *, version: str | None = None, root: Path | None = None
) -> str:
    """One run of the tool, with a rule for each code found; `version` is that of modelspec.

    Names of files are as given, or relative to `root`, the folder of the repository: code scanning
    resolves relative names from there, whatever folder the check runs in.
    """
    found = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    driver: Json = {"name": "modelspec", "rules": [_rule(code) for code in codes]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(diagnostic, codes.index(diagnostic.code), root) for diagnostic in found
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> Json:
    """The manual page of a code as a rule (3.49); a code without a page has only its name."""
    manual = page(code)
    if manual is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": manual.title},
        "fullDescription": {"text": manual.prose},
        "help": {"text": manual.text, "markdown": manual.text},
    }


def _result(diagnostic: Diagnostic, rule: int, root: Path | None) -> Json:
    text = diagnostic.message + (f"\n{diagnostic.help}" if diagnostic.help else "")
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": text},
    }
    if diagnostic.span is not None:
        result["locations"] = [_location(diagnostic.span, root)]
    if diagnostic.notes:
        result["relatedLocations"] = [
            _related(note, number, root) for number, note in enumerate(diagnostic.notes)
        ]
    if diagnostic.suggestion is not None and diagnostic.span is not None:
        result["fixes"] = [_fix(diagnostic.span, diagnostic.suggestion, root)]
    return result


def _location(span: Span, root: Path | None) -> Json:
    place = {"artifactLocation": _artifact(span, root), "region": _region(span)}
    return {"physicalLocation": place}


def _related(note: Note, number: int, root: Path | None) -> Json:
    place = _location(note.span, root) if note.span else {}
    return {"id": number, "message": {"text": note.message}, **place}


def _fix(span: Span, suggestion: str, root: Path | None) -> Json:
    replacement = {"deletedRegion": _region(span), "insertedContent": {"text": suggestion}}
    return {
        "artifactChanges": [
            {"artifactLocation": _artifact(span, root), "replacements": [replacement]}
        ]
    }


def _region(span: Span) -> Json:
    """Lines and columns from 1, the end column one past the last character (3.30)."""
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _artifact(span: Span, root: Path | None) -> Json:
    """The file as a URI (3.4): relative where its name is, `file:` where it is absolute."""
    path = PurePath(span.file if root is None else relative_path(span.file, root))
    text = (
        path.as_uri()
        if path.is_absolute()
        else quote(PurePosixPath(path.as_posix()).as_posix(), errors="replace")
    )
    return {"uri": text}

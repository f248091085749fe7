"""Diagnostics as a code quality report of GitLab, shown in the merge request beside the line.

Source: docs.gitlab.com, "Code Quality", section "Code Quality report format".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..diagnostic import Diagnostic
from .relative_path import relative_path

_SEVERITIES: Final = {"error": "major", "warning": "minor", "note": "info"}
"""GitLab has `info`, `minor`, `major`, `critical` and `blocker`."""
_PLACE: Final = re.compile(r"(?<=:)\d+:\d+\b")
"""A line and column in a message, after the name of a file."""


def render(diagnostics: Iterable[Diagnostic], root: Path | None = None) -> str:
    """A JSON array; paths are relative to `root`, the folder of the repository, or else to the
    working directory.
    """
    before: Counter[str] = Counter()
    return json.dumps([_issue(one, root, before) for one in diagnostics], indent=2) + "\n"


def _issue(diagnostic: Diagnostic, root: Path | None, before: Counter[str]) -> Mapping[str, object]:
    """GitLab shows an issue only where it has a place: without one it is the start of the root."""
    path = relative_path(diagnostic.file, root) if diagnostic.file is not None else "."
    text = f"{diagnostic.code}: {diagnostic.message}"
    if diagnostic.help:
        text += f"; {diagnostic.help}"
    return {
        "description": " ".join(text.split()),
        "check_name": diagnostic.code,
        "fingerprint": _fingerprint(diagnostic, path, before),
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {"path": path, "lines": {"begin": diagnostic.line or 1}},
    }


def _fingerprint(diagnostic: Diagnostic, path: str, before: Counter[str]) -> str:
    """SHA-256 of the fault and its place without line numbers, so that lines added above do not
    change it.

    Of several equal ones, the second and later ones include their number, as GitLab shows only one
    with the same fingerprint.
    """
    span = diagnostic.span
    marked = span.text if span is not None else ""
    key = "\0".join((diagnostic.code, path, _PLACE.sub("", diagnostic.message), marked))
    number = before[key]
    before[key] += 1
    return sha256(f"{key}\0{number}".encode(errors="surrogatepass")).hexdigest()

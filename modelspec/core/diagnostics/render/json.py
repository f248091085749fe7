"""Diagnostics for programs: one JSON object, the same fields that a `Diagnostic` has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ..diagnostic import Diagnostic


def render(diagnostics: Iterable[Diagnostic], others: Mapping[str, object] | None = None) -> str:
    """`{"ok": bool, "diagnostics": [...]}` with `others`; lines and columns count from 1, columns
    in characters.
    """
    found = list(diagnostics)
    ok = not any(diagnostic.severity == "error" for diagnostic in found)
    return (
        json.dumps(
            {
                "ok": ok,
                "diagnostics": [diagnostic.to_dict() for diagnostic in found],
                **(others or {}),
            },
            indent=2,
        )
        + "\n"
    )

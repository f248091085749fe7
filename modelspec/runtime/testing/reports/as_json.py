"""Outcomes as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...history.formatting import for_json
from ..outcome import Outcome


def render(outcomes: Sequence[Outcome]) -> str:
    """`{"ok": ..., "specs": [...]}`; NaN and infinity are null."""
    found = {
        "ok": not any(one.is_bad for one in outcomes),
        "specs": [one.as_json() for one in outcomes],
    }
    return json.dumps(for_json(found), indent=2) + "\n"

"""Keys of a spec that are not part of it."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = "$schema"
"""Names the JSON Schema of the file, for editors; YAML files have a comment for it."""


def is_ignored(key: str) -> bool:
    """Whether a key at the top of a file is ignored: `x-...`, a place for anchors, or `$schema`."""
    return key.startswith("x-") or key == SCHEMA

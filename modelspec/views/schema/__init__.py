"""The JSON Schema (draft 2020-12) of the language, generated from the classes that read a spec.

Editors use it for completion and validation; `modelspec check` finds more errors, because it knows
shapes and names.
"""

from __future__ import annotations

import json
from typing import Any


def schema() -> dict[str, Any]:
    """The schema as plain values."""
    from .file_schema import root

    return root()


def text() -> str:
    """The text of `schemas/modelspec.schema.json`."""
    return _written(schema()) + "\n"


def _written(value: Any, indent: int = 0) -> str:
    """JSON with short values on one line: a tenth of the lines of `json.dumps`."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent <= 120 or not isinstance(value, (dict, list)):
        return short
    inside, pad = indent + 1, " " * (indent + 1)
    if isinstance(value, list):
        return (
            "[\n"
            + ",\n".join(pad + _written(item, inside) for item in value)
            + "\n"
            + " " * indent
            + "]"
        )
    entries = (f"{pad}{json.dumps(key)}: {_written(item, inside)}" for key, item in value.items())
    return "{\n" + ",\n".join(entries) + "\n" + " " * indent + "}"

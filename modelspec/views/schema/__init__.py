"""The JSON Schema (draft 2020-12) of the language, made from the same classes that read a spec.

Editors complete and underline by it; `modelspec check` says more, since it knows shapes and names.
"""

from __future__ import annotations

import json
from typing import Any


def schema() -> dict[str, Any]:
    """The schema as plain values."""
    from .file_schema import root

    return root()


def text() -> str:
    """The schema as `schemas/modelspec.schema.json` holds it."""
    return _written(schema()) + "\n"


def _written(value: Any, indent: int = 0) -> str:
    """JSON with what is short on one line: a tenth of the lines that `json.dumps` makes of it."""
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

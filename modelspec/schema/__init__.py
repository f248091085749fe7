"""The JSON Schema (draft 2020-12) of the language, made from the same classes that read a spec.

Editors complete and underline by it; `modelspec check` says more, since it knows shapes and names.
"""

from __future__ import annotations

import json
from typing import Any


def schema() -> dict[str, Any]:
    """The schema as plain values."""
    from .file import root

    return root()


def text() -> str:
    """The schema as `schemas/modelspec.schema.json` holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"

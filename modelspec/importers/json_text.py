"""The plain value of the JSON of a model, within limits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .architecture import Unreadable

LARGEST = 8 * 2**20
"""Maximum size of a description in bytes: NASNetLarge, the longest in Keras, has 1.1 MB."""
_DEEPEST_VALUE = 250


def value_of(text: bytes | str) -> Any:
    """The plain value of a JSON document, within limits. Raises `Unreadable`."""
    if len(text) > LARGEST:
        raise Unreadable(f"the architecture has {len(text):,} bytes; the maximum is {LARGEST:,}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("this is not the JSON of a model") from None
    if _is_deeper(value, _DEEPEST_VALUE):
        raise Unreadable(f"the architecture has more than {_DEEPEST_VALUE} nested levels")
    if isinstance(value, str):  # `json.dumps(model.to_json())`, a common mistake
        return value_of(value) if value.lstrip()[:1] == "{" else value
    return value


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    """The items of a list or the values of a mapping; empty for other values."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

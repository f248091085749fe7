"""The allowed values in words, from a JSON Schema (without the expressions that are always
allowed).
"""

from __future__ import annotations

import json
from typing import Any

Schema = dict[str, Any]

_NAMED = {
    "boolean": "`true` or `false`",
    "string": "a string",
    "null": "`null`",
    "object": "a mapping",
}
_MANY = {
    "integer": "integers",
    "number": "numbers",
    "string": "strings",
    "boolean": "booleans",
    "array": "lists",
    "object": "mappings",
    "null": "`null`",
}


def words(schema: Schema) -> str:
    """`an integer of at least 1, or a list of 2 integers`."""
    if "anyOf" in schema:
        return _either([words(one) for one in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return _either([f"`{written(value)}`" for value in values])
    if "$ref" in schema:
        return _a(noun(schema))
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("an integer" if kind == "integer" else "a number") + _bounds(schema)
    if kind == "array":
        return _list(schema)
    items = schema.get("additionalProperties")
    if kind == "object" and isinstance(items, dict):
        return f"a mapping of names to {_plural(items)}"
    return _NAMED.get(str(kind), "a value")


def noun(schema: Schema) -> str:
    """The noun of a reference: `initializer`."""
    return str(schema["$ref"]).removeprefix("#/$defs/")


def written(value: Any) -> str:
    """A value as in a spec: `null`, `1e-07`, `[1, 1]`, `glorot_uniform`."""
    if isinstance(value, str):
        return value if value else '""'
    if isinstance(value, list):
        return f"[{', '.join(written(item) for item in value)}]"
    return json.dumps(value)


def _a(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"


def _either(parts: list[str]) -> str:
    parts = list(dict.fromkeys(parts))
    if len(parts) == 1:
        return parts[0]
    comma = "," if any(" or " in part for part in parts) else ""
    return f"{', '.join(parts[:-1])}{comma} or {parts[-1]}"


def _bounds(schema: Schema) -> str:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    is_whole = schema["type"] == "integer"
    if above is not None and is_whole:
        least, above = above + 1, None
    if below is not None and is_whole:
        most, below = below - 1, None
    if least is not None and most is not None:
        return f" from {least} to {most}" if is_whole else f" from {least:g} to {most:g}"
    low, high = _lower_bound(least, above), _upper_bound(most, below)
    return f"{low} and{high}" if low and high else low + high


def _lower_bound(least: float | None, above: float | None) -> str:
    if least is not None:
        return f" of at least {least:g}"
    return f" above {above:g}" if above is not None else ""


def _upper_bound(most: float | None, below: float | None) -> str:
    if below is not None:
        return f" below {below}"
    return f" of at most {most:g}" if most is not None else ""


def _list(schema: Schema) -> str:
    if "prefixItems" in schema:
        items = schema["prefixItems"]
        if len(items) == 1:
            return f"a list of one: {words(items[0])}"
        alike = all(item == items[0] for item in items)
        return f"a list of {len(items)} {_plural(items[0]) if alike else 'values'}"
    return f"a list of {_plural(schema['items'])}" if schema.get("items") else "a list"


def _plural(schema: Schema) -> str:
    """The plural form for the items of a list, without bounds."""
    if "anyOf" in schema:
        return _either([_plural(one) for one in schema["anyOf"]])
    if "$ref" in schema:
        return plural(noun(schema))
    return _MANY.get(str(schema.get("type")), "values")


def plural(word: str) -> str:
    """`losses`, `optimizers`."""
    return f"{word}es" if word.endswith("s") else f"{word}s"

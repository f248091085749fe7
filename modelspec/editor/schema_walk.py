"""The keys and words that the JSON Schema allows at a place of a spec."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

Schema: TypeAlias = "dict[str, Any]"
Step: TypeAlias = "str | int"

_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
_BRANCHES: Final = ("then", "else")
_HIDDEN: Final = "doNotSuggest"
_TEXTS: Final = ("description", "markdownDescription", "title")


class Allowed(NamedTuple):
    """A key or a word that may be written at a place."""

    text: str
    is_key: bool
    description: str = ""
    required: bool = False
    holds: frozenset[str] = frozenset()
    """For a key: the JSON types of its value, as far as the schema states them."""
    is_kind: bool = False
    """Whether it is the name of a layer or a component, beside which no other key is written."""


def allowed(root: Schema, here: Sequence[Schema], siblings: Collection[str] = ()) -> list[Allowed]:
    """What may be written where these schemas apply: the keys of a mapping, then the words of a
    value. Each once, in the order of the schema; no key of an alternative that the keys which are
    there already (`siblings`) exclude.
    """
    found: dict[tuple[str, bool], Allowed] = {}
    for one in expanded(root, here):
        keys = () if _excluded(one, siblings) else _keys(root, one)
        for item in (*keys, *_words(one)):
            before = found.get((item.text, item.is_key))
            found[item.text, item.is_key] = item if before is None else _both(before, item)
    if siblings and not any(one.is_key for one in found.values()):
        return allowed(root, here)  # one of them is misspelt
    return list(found.values())


def _both(one: Allowed, other: Allowed) -> Allowed:
    """What two alternatives state about a key or a word."""
    return one._replace(
        description=one.description or other.description,
        is_kind=one.is_kind or other.is_kind,
        required=one.required and other.required,
    )


def at(root: Schema, path: Sequence[Step]) -> list[Schema]:
    """The schemas that apply at a path."""
    here = [root]
    for step in path:
        here = _unique(below for one in expanded(root, here) for below in _below(one, step))
    return here


def _excluded(schema: Schema, siblings: Collection[str]) -> bool:
    """Whether a mapping with these keys cannot be one of this schema."""
    if siblings and len(siblings) >= _most_keys(schema):
        return True
    if schema.get("additionalProperties") is not False:
        return False
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return not all(
        one in known or any(re.search(pattern, one) for pattern in patterns) for one in siblings
    )


def _most_keys(schema: Schema) -> int:
    """The most keys of a mapping."""
    parts = (schema, *schema.get("allOf", ()))
    return min((one["maxProperties"] for one in parts if "maxProperties" in one), default=1_000)


def _below(schema: Schema, step: Step) -> Iterator[Schema]:
    """The schemas of one key, or of one item."""
    if isinstance(step, int):
        first = schema.get("prefixItems", ())
        item = first[step] if step < len(first) else schema.get("items")
        if isinstance(item, dict):
            yield item
        return
    named = schema.get("properties", {}).get(step)
    patterns = schema.get("patternProperties", {})
    matching = [one for pattern, one in patterns.items() if re.search(pattern, step)]
    others = schema.get("additionalProperties")
    if isinstance(named, dict):
        yield named
    yield from (one for one in matching if isinstance(one, dict))
    if named is None and not matching and isinstance(others, dict):
        yield others


def expanded(root: Schema, schemas: Sequence[Schema]) -> list[Schema]:
    """The schemas with all that they refer to and choose from."""
    found: dict[int, Schema] = {}
    stack = list(reversed(schemas))
    while stack:
        one = stack.pop()
        if id(one) in found:
            continue
        found[id(one)] = one
        parts = [_referred(root, one["$ref"])] if "$ref" in one else []
        for word in _ALTERNATIVES:
            parts += one.get(word, ())
        parts += [one[word] for word in _BRANCHES if word in one]
        stack.extend(part for part in reversed(parts) if isinstance(part, dict))
    return list(found.values())


def _referred(root: Schema, reference: str) -> Schema:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    assert isinstance(found, dict)
    return found


def _keys(root: Schema, schema: Schema) -> Iterator[Allowed]:
    required, is_kind = schema.get("required", ()), _most_keys(schema) == 1
    for name, one in schema.get("properties", {}).items():
        if not isinstance(one, dict) or one.get(_HIDDEN) or not name or name.startswith("$"):
            continue
        parts = expanded(root, [one])
        yield Allowed(name, True, _text(parts), name in required, _types(parts), is_kind)


def _words(schema: Schema) -> Iterator[Allowed]:
    words = schema.get("enum", ())
    if "const" in schema:
        words = (*words, schema["const"])
    for word in words:
        if isinstance(word, (str, bool)) or word is None:
            yield Allowed(_written(word), False, _text([schema]))
    if schema.get("type") == "boolean":
        yield from (Allowed(_written(word), False) for word in (True, False))


def _written(word: str | bool | None) -> str:
    return word if isinstance(word, str) else json.dumps(word)


def _types(parts: Sequence[Schema]) -> frozenset[str]:
    """The types of a value. A condition on the type does not count, only `type` does."""
    found: set[str] = set()
    for one in parts:
        kind = one.get("type", ())
        found |= {kind} if isinstance(kind, str) else set(kind)
        if "enum" in one or "const" in one:
            found.add("string")
    return frozenset(found)


def _text(parts: Sequence[Schema]) -> str:
    return next((one[word] for one in parts for word in _TEXTS if one.get(word)), "")


def _unique(schemas: Iterator[Schema]) -> list[Schema]:
    return list({id(one): one for one in schemas}.values())

"""The schema of a file that extends another one. Mappings merge key by key, so a mapping may have
any part of its keys: nothing is required, at any depth. A list replaces the whole list of the other
file, so its items are complete.
"""

from __future__ import annotations

from typing import Any, Final

from .value_schema import Schema

PREFIX: Final = "partial."
_BELOW: Final = frozenset({"additionalProperties", "then", "else"})
_ALTERNATIVES: Final = frozenset({"allOf", "anyOf"})
_NAMED: Final = frozenset({"patternProperties", "properties"})
_DROPPED: Final = frozenset({"required", "dependentRequired"})
_DEFINITIONS: Final = "#/$defs/"


class Partial:
    """Makes partial schemas, with definitions of the parts that they require."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._whole = definitions
        self._changing = _changing(definitions)
        self.made: dict[str, Schema] = {}
        """The definitions, by name."""

    def of(self, schema: Schema) -> Schema:
        """A schema that also accepts every part of its mappings."""
        if _is_choice_of_keys(schema):
            return {}
        found = {key: self._inside(key, value) for key, value in schema.items()}
        return {key: value for key, value in found.items() if key not in _dropped(schema)}

    def _inside(self, key: str, value: Any) -> Any:
        if key == "$ref":
            return self._reference(value)
        if key in _BELOW and isinstance(value, dict):
            return self.of(value)
        if key in _ALTERNATIVES:
            return [self.of(one) for one in value]
        if key in _NAMED:
            return {name: self.of(one) for name, one in value.items()}
        return value

    def _reference(self, value: str) -> str:
        name = value.removeprefix(_DEFINITIONS)
        if name not in self._changing:
            return value
        own = f"{PREFIX}{name}"
        if own not in self.made:
            self.made[own] = {}  # it may refer to itself
            self.made[own] = self.of(self._whole[name])
        return f"{_DEFINITIONS}{own}"


def _dropped(schema: Schema) -> frozenset[str]:
    """The keywords of a schema that require keys. A mapping with one key is a part of any other."""
    several = frozenset({"minProperties"}) if schema.get("minProperties", 1) > 1 else frozenset()
    return (_DROPPED | several) & schema.keys()


def _is_choice_of_keys(schema: Schema) -> bool:
    """Whether a schema only requires one of several keys."""
    return schema.keys() == {"anyOf"} and all(one.keys() == {"required"} for one in schema["anyOf"])


def _changing(definitions: dict[str, Schema]) -> frozenset[str]:
    """The definitions whose partial schema differs: those that require something in a mapping, and
    those that refer to one of them.
    """
    found = {name for name, one in definitions.items() if _requires(one)}
    references = {name: _references(one) for name, one in definitions.items()}
    while more := {name for name, to in references.items() if to & found} - found:
        found |= more
    return frozenset(found)


def _requires(schema: Schema) -> bool:
    return bool(_dropped(schema)) or any(_requires(one) for one in _parts(schema))


def _references(schema: Schema) -> set[str]:
    own = {schema["$ref"].removeprefix(_DEFINITIONS)} if "$ref" in schema else set()
    return own.union(*(_references(one) for one in _parts(schema)))


def _parts(schema: Schema) -> list[Schema]:
    """The schemas of the same value and of values in its mappings."""
    found: list[Schema] = []
    for key, value in schema.items():
        if key in _BELOW and isinstance(value, dict):
            found.append(value)
        elif key in _ALTERNATIVES:
            found += value
        elif key in _NAMED:
            found += value.values()
    return found

"""The JSON Schema of the language as completion uses it: with the plugins of a project, and with
what is computed from it kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Final

from modelspec.core.plugins import Plugins

from .schema_walk import Allowed, Schema, Step, allowed, at, expanded

LAYER: Final = ("layer", "partial.layer", "entry", "entry.any", "partial.entry")
"""The definitions of what an item of `layers` may be, and a wrapped layer."""
FEATURE: Final = ("feature", "partial.feature")
"""Those of an input or a target of the data."""
_MOST: Final = 2_000
"""The most places whose answers are kept."""


class Grammar:
    """What may be written where."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._kept: dict[tuple[tuple[int, ...], tuple[str, ...]], list[Allowed]] = {}

    def allowed(self, path: Sequence[Step], siblings: tuple[str, ...] = ()) -> list[Allowed]:
        """The keys and words at a path, beside the keys that are there already."""
        here = at(self.root, path)
        key = (tuple(id(one) for one in here), siblings)
        if key not in self._kept:
            if len(self._kept) > _MOST:
                self._kept.clear()
            self._kept[key] = allowed(self.root, here, siblings)
        return self._kept[key]

    def is_a(self, path: Sequence[Step], definitions: Sequence[str]) -> bool:
        """Whether a value at a path may be one of a definition of the schema."""
        known = self.root["$defs"]
        meant = {id(known[one]) for one in definitions if one in known}
        return any(id(one) in meant for one in expanded(self.root, at(self.root, path)))

    def is_path(self, path: Sequence[Step]) -> bool:
        """Whether a value at a path is the path of a file."""
        return any(one.get("format") == "path" for one in expanded(self.root, at(self.root, path)))


def grammar_of(plugins: Plugins) -> Grammar:
    """The grammar of a project with these plugins, which must be active."""
    if not plugins.all:
        return _own()
    key = tuple(sorted(repr(one) for one in plugins.all))
    found = _with_plugins.get(key)
    if found is None:
        from modelspec.views.schema import schema

        found = _with_plugins[key] = Grammar(schema())
    return found


_with_plugins: dict[tuple[str, ...], Grammar] = {}


@cache
def _own() -> Grammar:
    from modelspec.views.schema.shipped import shipped

    return Grammar(json.loads(shipped()))

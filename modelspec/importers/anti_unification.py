"""Anti-unification of settings and names: the common form of several instances. A value that
differs becomes a parameter, or an expression of another parameter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any

from modelspec.catalog.layers import LAYERS

_MOST = 7
"""Parameters of one block, or names of one loop: with more, repeated layers are easier to read."""


class Different(Exception):
    """The values have no useful common form."""


def has_names(value: Any) -> bool:
    """Whether a value contains a `$name`, which is defined only in its scope."""
    if isinstance(value, (list, tuple)):
        return any(map(has_names, value))
    if isinstance(value, dict):
        return any(map(has_names, value.values()))
    return isinstance(value, str) and "$" in value


def _are_equal(values: list[Any]) -> bool:
    """Whether all values are the same, of the same type."""
    first = values[0]
    return all(value == first and type(value) is type(first) for value in values)


@dataclass
class Parameters:
    """The values that differ: one vector (a value per use) for each parameter."""

    vectors: dict[str, list[Any]] = field(default_factory=dict)
    owner: str = ""
    """The prefix of each name: `stage.` in a loop over mappings."""
    closed: bool = False
    """Whether names of the outer scope are unknown inside, as in a block."""

    def text(self, key: str, values: list[Any]) -> Any:
        """The form of the values: the value itself if all are equal, else an expression. Raises
        `Different`.
        """
        named = any(map(has_names, values))
        if _are_equal(values) and not (named and self.closed):
            return values[0]
        if None in values or (named and not self.closed):
            raise Different
        known = self._known(values)
        if known is not None:
            return known
        if all(isinstance(value, list) for value in values) and len(set(map(len, values))) == 1:
            return self._items(key, values)
        if any(isinstance(value, dict) for value in values):
            raise Different
        return self._new(key, values)

    def _known(self, values: list[Any]) -> str | None:
        """The values as an expression of an existing parameter."""
        types = list(map(type, values))
        for name, known in self.vectors.items():
            if known == values and list(map(type, known)) == types:
                return f"${self.owner}{name}"
        for name, known in self.vectors.items():
            if (factor := _factor(known, values)) is not None:
                return f"$({factor} * {self.owner}{name})"
        return None

    def _items(self, key: str, values: list[Any]) -> Any:
        """Lists entry by entry, if that needs at most one new name; else a name for the whole
        list.
        """
        columns = [[value[at] for value in values] for at in range(len(values[0]))]
        if len(columns) != 1:
            tried = Parameters(dict(self.vectors), self.owner, self.closed)
            try:
                items = [tried.text(key, column) for column in columns]
            except Different:
                items = []
            if items and len(tried.vectors) <= len(self.vectors) + 1:
                self.vectors.update(tried.vectors)
                return items
        return self._new(key, values)

    def _new(self, key: str, values: list[Any]) -> str:
        if len(self.vectors) >= _MOST:
            raise Different
        name = self._free(key)
        self.vectors[name] = values
        return f"${self.owner}{name}"

    def _free(self, key: str) -> str:
        base = re.sub(r"_\d+$", "", key)
        number, name = 1, base
        while name in self.vectors:
            number, name = number + 1, f"{base}_{number + 1}"
        return name


def _factor(known: list[Any], values: list[Any]) -> int | None:
    """The integer by which every value is more than another."""
    pairs = list(zip(values, known, strict=True))
    if not all(type(value) is int and type(one) is int and one > 0 for value, one in pairs):
        return None
    factor: int = values[0] // known[0]
    return factor if factor > 1 and all(value == factor * one for value, one in pairs) else None


def settings_vectors(
    kind: str, all_settings: Sequence[Any], defaults: dict[str, Any]
) -> dict[str, list[Any]]:
    """Each setting's value in every use, with the Keras default if it is not set. Raises
    `Different`.
    """
    found: dict[str, list[Any]] = {}
    for key in dict.fromkeys(key for one in all_settings for key in one):
        values = [one.get(key, _default(kind, key, defaults)) for one in all_settings]
        if any(value is _UNKNOWN for value in values):
            raise Different
        found[key] = values
    return found


_UNKNOWN = object()


def _default(kind: str, key: str, defaults: dict[str, Any]) -> Any:
    if key in defaults:
        return defaults[key]
    found = LAYERS.find(kind) if kind in LAYERS else None
    if found is None or key not in found.model_fields:
        return _UNKNOWN
    value = found.model_fields[key].get_default()
    if isinstance(value, tuple) and value and all(one == value[0] for one in value):
        return value[0]
    return value if isinstance(value, (bool, int, float, str)) else _UNKNOWN


# Names --------------------------------------------------------------------------------------------

_DIGITS = re.compile(r"(\d+)")


def prefix_of(names: Sequence[str]) -> str | None:
    """The common prefix of names before a `_`, which can be the name of a block: `a` of `a_conv`,
    `a_bn_1`.
    """
    pairs = zip(min(names), max(names), strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    cut = common.rfind("_")
    return common[:cut] if cut > 0 else None


def name_text(names: Sequence[str], index: str, parameters: Parameters) -> str:
    """A name with its counter as an expression: `conv$(i + 2)_bn`. Raises `Different`."""
    split = [_DIGITS.split(name) for name in names]
    words = split[0][::2]
    if any(parts[::2] != words for parts in split):
        raise Different
    found = [words[0]]
    for at, word in enumerate(words[1:]):
        found.append(_number_text([parts[2 * at + 1] for parts in split], index, parameters))
        found.append(word)
    return "".join(found)


def _number_text(digits: list[str], index: str, parameters: Parameters) -> str:
    """A number in a name: its digits if they are always the same, else an expression."""
    if len(set(digits)) == 1:
        return digits[0]
    values = list(map(int, digits))
    if digits != list(map(str, values)):  # `01`
        raise Different
    return _counter(values, index, parameters)


def _counter(values: list[int], index: str, parameters: Parameters) -> str:
    """A number that increases with the position, as an expression."""
    step = values[1] - values[0]
    if step < 1 or any(after - before != step for before, after in pairwise(values)):
        text = parameters.text("number", list(values))
        return f"$({text[1:]})" if not text.startswith("$(") else str(text)
    scaled = index if step == 1 else f"{step} * {index}"
    return f"$({scaled})" if not values[0] else f"$({scaled} + {values[0]})"

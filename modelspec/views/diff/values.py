"""Plain values side by side: every place with a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias


class _Absent:
    """Placeholder for a missing value of one side."""

    def __repr__(self) -> str:
        return "(none)"


ABSENT: Final = _Absent()

Values: TypeAlias = tuple[Any, ...]
"""A value for each side; `ABSENT` if a side has none."""


class Differing(NamedTuple):
    """A place with different values of the two sides."""

    path: str
    values: Values
    keys: tuple[str | int, ...] = ()
    """The keys of the path, from the root of the comparison."""


def differing(path: str, values: Values, *, whole_choices: bool = False) -> list[Differing]:
    """Every different value below these; `path` is their path.

    `whole_choices`: names with their settings (`{Adam: {...}}`, a list of metrics) are compared as
    one value if the names differ.
    """
    return list(_differing(path, values, (), whole_choices))


def _differing(
    path: str, values: Values, keys: tuple[str | int, ...], whole_choices: bool
) -> Iterator[Differing]:
    parts = _parts(path, values, whole_choices)
    if parts is not None:
        for below, key, inner in parts:
            yield from _differing(below, inner, (*keys, key), whole_choices)
    elif not all(_same(values[0], other) for other in values[1:]):
        yield Differing(path, values, keys)


def _parts(
    path: str, values: Values, whole_choices: bool
) -> list[tuple[str, str | int, Values]] | None:
    """The parts of the values side by side: of mappings by key, of lists of components by name, of
    other lists by position; None if they are compared as a whole.
    """
    if all(isinstance(value, Mapping) for value in values):
        if whole_choices and all(len(value) == 1 for value in values) and _other_names(values):
            return None
        inside = f"{path}." if path else ""
        return [(f"{inside}{key}", key, each) for key, each in _across(values)]
    keyed = [_keyed(value) for value in values]
    if keyed[0] is None and _are_lists_of_mappings(values):
        return [(f"{path}[{at}]", at, each) for at, each in enumerate(zip(*values, strict=True))]
    lists = tuple(one for one in keyed if one is not None)
    if len(lists) < len(values) or not any(body for one in lists for body in one.values()):
        return None
    if whole_choices and _other_names(lists):
        return None
    return [(f"{path}[{key}]", key, each) for key, each in _across(lists)]


def _across(values: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Values]]:
    """Every key with its value on each side."""
    for key in dict.fromkeys(key for value in values for key in value):
        yield str(key), tuple(value.get(key, ABSENT) for value in values)


def _other_names(values: Sequence[Mapping[str, Any]]) -> bool:
    return any(value.keys() != values[0].keys() for value in values[1:])


def _are_lists_of_mappings(values: Values) -> bool:
    return (
        all(map(_is_list, values))
        and len({len(value) for value in values}) == 1
        and any(isinstance(item, Mapping) for item in values[0])
    )


def _keyed(value: Any) -> dict[str, Any] | None:
    """A list of names, and names with settings, by name; None for other values or if a name occurs
    twice.
    """
    if not _is_list(value):
        return None
    found: dict[str, Any] = {}
    for item in value:
        key, body = (
            next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else (item, {})
        )
        if not isinstance(key, str) or key in found:
            return None
        found[key] = body
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _same(one: Any, other: Any) -> bool:
    return (one == other and type(one) is type(other)) or _numbers(one, other)


def _numbers(one: Any, other: Any) -> bool:
    """Whether both are the same number, such as `1` and `1.0`, or the same list."""
    plainly = (int, float)
    if isinstance(one, plainly) and isinstance(other, plainly):
        return not isinstance(one, bool) and not isinstance(other, bool) and one == other
    return _is_list(one) and _is_list(other) and list(one) == list(other)

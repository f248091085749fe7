"""Operations on sizes of tensors: parts, lists and products of `tf.shape(x)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from .architecture import Source
from .operation_steps import Step


class Size(NamedTuple):
    """The size of an axis of a tensor, which may be unknown."""

    source: Source
    axis: int


class NoSize(ValueError):
    """A value is not computed from sizes."""


class Sizes(Protocol):
    """What is known about the sizes of a model."""

    def number(self, value: Any) -> Any:
        """The number of a size; None if it is unknown. Lists item by item."""

    def items(self, value: Any) -> list[Any]:
        """The items of a list of sizes, each as a `Size` if possible. Raises `NoSize`."""


def _get_item(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    value, key = given[""], given.get("1", given.get("key"))
    if isinstance(key, list) and len(key) == 1:
        key = key[0]
    if type(key) is int:
        if isinstance(value, Step) and key >= 0:
            return Size(value.arguments[""], key)
        return sizes.items(value)[key]
    if isinstance(key, Mapping) and {"start", "stop", "step"} <= set(key):
        bounds = (sizes.number(key[name]) for name in ("start", "stop", "step"))
        return sizes.items(value)[slice(*bounds)]
    raise NoSize


def _joined(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    return [item for one in given[""] for item in sizes.items(one)]


def _stacked(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    return list(given[""])


def _gathered(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    items, places = sizes.items(given[""]), given.get("1")
    if isinstance(places, list):
        return [items[one] for one in places]
    if type(places) is not int:
        raise NoSize
    return items[places]


def _product(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    numbers = sizes.number(sizes.items(given[""]))
    return None if None in numbers else math.prod(numbers)


def _of_two(compute: Callable[[Any, Any], Any]) -> Callable[[Sizes, Mapping[str, Any]], Any]:
    def computed(sizes: Sizes, given: Mapping[str, Any]) -> Any:
        first, second = (sizes.number(given[key]) for key in ("", "1"))
        if isinstance(first, list) or isinstance(second, list):
            raise NoSize
        return None if first is None or second is None else compute(first, second)

    return computed


def _itself(sizes: Sizes, given: Mapping[str, Any]) -> Any:
    return given[""]


COMPUTED: Mapping[str, Callable[[Sizes, Mapping[str, Any]], Any]] = {
    "Add": _of_two(lambda a, b: a + b),
    "Cast": _itself,
    "Concatenate": _joined,
    "Divide": _of_two(lambda a, b: a / b if b else None),
    "FloorDivide": _of_two(lambda a, b: a // b if b else None),
    "Gather": _gathered,
    "GetItem": _get_item,
    "Multiply": _of_two(lambda a, b: a * b),
    "Prod": _product,
    "Stack": _stacked,
    "Subtract": _of_two(lambda a, b: a - b),
}
"""Operations on sizes."""

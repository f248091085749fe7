"""The functions of expressions: total functions of plain values, with Python's results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from modelspec.core.records import NamedTuple

from . import limits


class Function(NamedTuple):
    """A function, its number of arguments, and its description."""

    call: Callable[..., Any] | None
    """None for `env`, which is restricted to some places."""
    least: int
    most: int
    words: str

    def takes(self) -> str:
        if self.least == self.most:
            return f"{self.least} argument{'s' * (self.least != 1)}"
        if self.most > limits.SIZE:
            return f"at least {self.least} argument{'s' * (self.least != 1)}"
        return f"{self.least} to {self.most} arguments"


class Unfit(Exception):
    """A function got unsuitable arguments: the expected ones, and the code if it is not MS123."""

    def __init__(self, expected: str, code: str = "MS123") -> None:
        super().__init__(expected)
        self.expected = expected
        self.code = code


def _round(x: Any, digits: Any = None) -> Any:
    if not isinstance(x, (int, float)) or not (digits is None or isinstance(digits, int)):
        raise Unfit("a number, and an integer number of digits")
        # More digits do not change the result; Python would compute the power of ten anyway.
    return round(x) if digits is None else round(x, max(-330, min(330, digits)))


def _range(*ends: Any) -> Any:
    if not all(isinstance(end, int) for end in ends):
        raise Unfit("integers")
    if len(ends) == 3 and not ends[2]:
        raise Unfit("a step that is not 0")
    numbers = range(*ends)
    if numbers and (numbers[-1] - numbers[0]) // numbers.step >= limits.SIZE:
        raise Unfit(f"a range of at most {limits.SIZE:,} numbers", "MS108")
    return tuple(numbers)


def _number(x: Any) -> Any:
    if not isinstance(x, (int, float)):
        raise Unfit("a number")
    return x


def _int(x: Any) -> int:
    if not isinstance(x, (int, float, str)):
        raise Unfit("a number or a string")
    try:
        return int(x) if not isinstance(x, str) or len(x) <= 100 else int("")
    except ValueError:
        raise Unfit("a string that is an integer") from None


def _float(x: Any) -> float:
    if not isinstance(x, (int, float, str)):
        raise Unfit("a number or a string")
    try:
        return float(x) if not isinstance(x, str) or len(x) <= 1000 else float("")
    except ValueError:
        raise Unfit("a string that is a number") from None


def _str(x: Any) -> str:
    if isinstance(x, (tuple, dict)):
        raise Unfit("a number, a string, `True`, `False` or `None`")
    return str(x)


def _len(x: Any) -> int:
    if not isinstance(x, (tuple, dict, str)):
        raise Unfit("a list, a mapping or a string")
    return len(x)


def _sum(x: Any) -> Any:
    if not isinstance(x, tuple) or not all(isinstance(item, (int, float)) for item in x):
        raise Unfit("a list of numbers")
    return sum(x)


def _of_many(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        items = values[0] if len(values) == 1 else values
        if not isinstance(items, (tuple, str)) or not items:
            raise Unfit("two or more values, or a non-empty list")
        try:
            return function(items)
        except TypeError:
            raise Unfit("values that can be compared with each other") from None

    return call


def weight(value: Any) -> int:
    """The size of a value: 0 for a number, its length for a string, the number of all nested items
    for a list or mapping.

    Stops counting soon after the limit: values share their parts, and a few steps can make
    millions.
    """
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (tuple, dict)):
        return 0
    count = 0
    queue: list[Any] = [value]
    for one in queue:
        if isinstance(one, dict):
            queue.extend(one.values())
            count += len(one)
        elif isinstance(one, tuple):
            queue.extend(one)
            count += len(one)
        elif isinstance(one, str):
            count += len(one) // 16
        if count > limits.SIZE:
            break
    return count


_MANY: Final = 10**9

FUNCTIONS: Final[dict[str, Function]] = {
    "min": Function(_of_many(min), 1, _MANY, "the smallest of its arguments, or of a list"),
    "max": Function(_of_many(max), 1, _MANY, "the largest of its arguments, or of a list"),
    "abs": Function(lambda x: abs(_number(x)), 1, 1, "a number without its sign"),
    "round": Function(_round, 1, 2, "the nearest integer, or a number rounded to so many digits"),
    "floor": Function(lambda x: math.floor(_number(x)), 1, 1, "the next integer below"),
    "ceil": Function(lambda x: math.ceil(_number(x)), 1, 1, "the next integer above"),
    "int": Function(_int, 1, 1, "a number without its fraction, or the integer in a string"),
    "float": Function(_float, 1, 1, "a number as a float, or the number in a string"),
    "str": Function(_str, 1, 1, "a value as a string"),
    "len": Function(_len, 1, 1, "the number of items of a list, keys of a mapping, or characters"),
    "range": Function(_range, 1, 3, "integers from 0, or from a start, up to an end, by steps"),
    "sum": Function(_sum, 1, 1, "the sum of a list of numbers"),
    "env": Function(None, 1, 2, "an environment variable; only in `data` paths and `runtime`"),
}

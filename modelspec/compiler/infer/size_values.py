"""The numbers for which a size that depends on an unknown one is a given number."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Final

LARGEST: Final = 2**31
"""No size that is tried is larger."""
MARK: Final = "@"
"""The first character of names that a spec cannot contain."""
_NAME = re.compile(rf"{MARK}?[^\W\d]\w*")


def name_in(size: str) -> str | None:
    """The only unknown size that another one depends on; None if it depends on several."""
    names = set(_NAME.findall(size))
    return names.pop() if len(names) == 1 else None


def solutions(size: str, number: int) -> range | None:
    """The numbers of the only unknown size in `size` for which it is `number`; None if they cannot
    be computed. `4 * (time // 2)` is 8 for 4 and 5.
    """
    try:
        value = _function(size)
        return range(_first(value, number), _first(value, number + 1))
    except _Unsupported:
        return None


class _Unsupported(Exception):
    """A size that does not grow with the unknown one, or is not read."""


def _function(size: str) -> Callable[[int], int]:
    """Computes the size. It must not decrease when the unknown size increases."""
    root = ast.parse(_NAME.sub("n", size), mode="eval").body
    _check(root)
    return lambda number: _value(root, number)


def _check(node: ast.expr) -> None:
    if isinstance(node, (ast.Name, ast.Constant)):
        return
    if not isinstance(node, ast.BinOp):
        raise _Unsupported
    _check(node.left)
    _check(node.right)
    grows = isinstance(node.right, ast.Constant) or isinstance(node.op, ast.Add)
    if not grows and not (isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant)):
        raise _Unsupported


def _value(node: ast.expr, number: int) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if not isinstance(node, ast.BinOp):
        return number
    left, right = _value(node.left, number), _value(node.right, number)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.FloorDiv) and right:
        return left // right
    raise _Unsupported


def _first(value: Callable[[int], int], number: int) -> int:
    """The first unknown size from 1 on for which the size is at least `number`."""
    low, high = 1, LARGEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if value(middle) >= number else (middle + 1, high)
    return low

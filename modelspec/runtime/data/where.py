"""Which rows of a block a condition keeps, with NumPy.

A missing value propagates: everything computed from it is missing, and a comparison with it is
false. Numbers have the source's dtype. Integers stay integers in sums, differences and products
that fit into 64 bits; everything else is computed in float64, and a division by zero has no value.
Strings that are times, compared with a string that is a time, are compared as instants.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from modelspec.compiler.expand.row_tree import (
    Among,
    Arithmetic,
    Call,
    Choice,
    Column,
    Comparison,
    Condition,
    IsMissing,
    Literal,
    Logic,
    Node,
    Signed,
)
from modelspec.compiler.spec.times import Time, read_time

from .row_functions import FUNCTIONS, of_numbers
from .row_values import Unread, Vector, is_text, joined
from .table import Array

_ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Rows(NamedTuple):
    """A block of rows: the columns in the condition, prepared."""

    size: int
    columns: Mapping[str, Vector]


@dataclass(frozen=True)
class RowTest:
    """Determines which rows of a block a condition keeps."""

    condition: Condition

    def __call__(self, rows: Rows) -> Array:
        """Which rows are kept, as [rows] of `bool`. Raises `Unread` at a part of the condition."""
        with np.errstate(all="ignore"):
            return _Block(self.condition.text, rows).truth(self.condition.tree)


class _Block:
    """One block of rows."""

    def __init__(self, text: str, rows: Rows) -> None:
        self.text = text
        self.rows = rows

    def truth(self, node: Node) -> Array:
        """Whether a part is true, for every row; a missing value is not."""
        found = self.value(node)
        holds = np.broadcast_to(np.asarray(found.values, bool), (self.rows.size,))
        return holds if found.missing is None else holds & ~found.missing

    def value(self, node: Node) -> Vector:
        if isinstance(node, Literal):
            return Vector(node.value)
        if isinstance(node, Column):
            return self.rows.columns[node.name]
        if isinstance(node, Arithmetic):
            return of_numbers(node.sign, self.value(node.left), self.value(node.right))
        if isinstance(node, Signed):
            return of_numbers("-", Vector(0), self.value(node.value))
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, Call):
            return self._call(node)
        return Vector(self._condition(node))

    def _condition(self, node: Node) -> Array:
        if isinstance(node, Comparison):
            return self._comparison(node)
        if isinstance(node, Among):
            return self._among(node)
        if isinstance(node, IsMissing):
            lacking = self.value(node.value).missing
            found = np.zeros(self.rows.size, bool) if lacking is None else lacking
            return ~found if node.negated else found
        assert isinstance(node, Logic)
        parts = [self.truth(part) for part in node.parts]
        if node.word == "not":
            return ~parts[0]
        join = np.logical_and if node.word == "and" else np.logical_or
        found = parts[0]
        for part in parts[1:]:
            found = join(found, part)
        return found

    def _choice(self, node: Choice) -> Vector:
        test = self.truth(node.test)
        body, otherwise = self.value(node.body), self.value(node.otherwise)
        kinds = {is_text(body), is_text(otherwise)}
        dtype = object if kinds == {True} else None
        sides = [np.asarray(one.values, dtype) for one in (body, otherwise)]
        lacking = np.where(test, *(one.lacking(self.rows.size) for one in (body, otherwise)))
        return Vector(np.where(test, *sides), lacking if lacking.any() else None)

    def _call(self, node: Call) -> Vector:
        arguments = [self.value(one) for one in node.arguments]
        try:
            return FUNCTIONS[node.function](*arguments)
        except Unread as unread:
            raise unread.of(node.arguments[0]) from None

    # Comparisons ----------------------------------------------------------------------------------

    def _comparison(self, node: Comparison) -> Array:
        left, right = self.value(node.left), self.value(node.right)
        if node.sign in ("in", "not in"):
            return self._part(node, left, right)
        if is_text(left) and is_text(right):
            left, right = self._as_times(node, left, right)
        found = _ORDER[node.sign](left.values, right.values)
        return self._given(np.asarray(found, bool), left, right)

    def _given(self, found: Array, *sides: Vector) -> Array:
        """A comparison with a missing value is false."""
        lacking = joined(*sides)
        found = np.broadcast_to(found, (self.rows.size,))
        return found if lacking is None else found & ~lacking

    def _part(self, node: Comparison, left: Vector, right: Vector) -> Array:
        pairs = np.broadcast(np.asarray(left.values, object), np.asarray(right.values, object))
        found = np.array([str(one) in str(other) for one, other in pairs], bool)
        return self._given(found if node.sign == "in" else ~found, left, right)

    def _among(self, node: Among) -> Array:
        value = self.value(node.value)
        found = np.zeros(self.rows.size, bool)
        for item in node.items:
            one = Comparison("==", node.value, item, node.place)
            found = found | self._comparison(one)
        return self._given(~found if node.negated else found, value)

    # Times ----------------------------------------------------------------------------------------

    def _as_times(self, node: Comparison, left: Vector, right: Vector) -> tuple[Vector, Vector]:
        """Strings as instants if one side is written as a time."""
        for text, column, side in ((left, right, node.right), (right, left, node.left)):
            known = read_time(text.values) if isinstance(text.values, str) else None
            if known is None or isinstance(column.values, str) or len(text.values) < _A_DAY:
                continue
            found = self._times(column, known, side, node.sign, text.values)
            return (Vector(0), found) if text is left else (found, Vector(0))
        return left, right

    def _times(self, column: Vector, known: Time, side: Node, sign: str, written: str) -> Vector:
        """The order of each cell relative to a time: -1, 0 or 1. Raises `Unread` for a cell without
        an order; for `==` it is just another value.
        """
        cells = column.values
        given = dict.fromkeys(cells[~column.lacking(len(cells))])  # in the order of the rows
        different = {cell: _against(cell, known) for cell in given}
        if sign not in ("==", "!="):
            for cell, found in different.items():
                if found is None:
                    self._no_time(cells, cell, known, side, written)
        order = np.array([different.get(cell) or 0 for cell in cells], np.int64)
        unequal = np.array([cell in different and different[cell] is None for cell in cells], bool)
        return Vector(np.where(unequal, 2, order), column.missing)

    def _no_time(self, cells: Array, cell: str, known: Time, side: Node, written: str) -> NoReturn:
        row = int(np.argmax(cells == cell))
        time = read_time(cell.strip())
        if time is None:
            raise Unread(f'"{cell}"', row, f'is not a time, but is compared with "{written}"').of(
                side
            )
        has = "a" if time.offset else "no"
        other = "none" if time.offset else "one"
        why = f'has {has} UTC offset, but is compared with "{written}", which has {other}'
        raise Unread(f'"{cell}"', row, why).of(side)


_A_DAY: Final = len("2026-01-31")
"""The least characters of a string compared as an instant: `2026` and `2026-01` are too short."""


def _against(cell: str, known: Time) -> int | None:
    """Whether a cell is before (-1), at (0) or after (1) a time; None if it has no order."""
    time = read_time(cell.strip())
    if time is None or time.offset != known.offset:
        return None
    return (time > known) - (time < known)

"""Parses the text of a condition on rows (`data.where`) to a tree.

The grammar is that of expressions (`expression_syntax`), applied to the columns of a table, with
names in backticks, `x is missing` and `x is not missing`. These parts are replaced by others of
equal length before parsing, so that every place is valid in the original text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NoReturn

from modelspec.core.diagnostics import Fault, listed, nearest

from .expression_syntax import WORDS, Expression, Misread, parse
from .row_tree import (
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
    Place,
    Signed,
)
from .row_words import STATEMENTS, other_word

MISSING: Final = "missing"
FUNCTIONS: Final = ("abs", "round", "floor", "ceil", "int", "float", "str", "len", "min", "max")
"""The functions of expressions that work row by row."""

_MISSING_TEST = re.compile(r"is(\s+)(not(\s+))?missing\b")
_BEHIND_A_NAME = re.compile(r"\s*($|[^\w\s('\"`]|(is|in|not|and|or|if|else)\b)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9]{2}[0-9:.]*)?")
_EXAMPLE: Final = "write e.g. `age > 18 and country == 'CH'`"


@lru_cache(maxsize=256)
def read_condition(text: str) -> Condition:
    """The tree of a condition. Raises `Misread` (MS108, MS109, MS113, MS120, MS122, MS123)."""
    prepared, tests = _prepared(text)
    try:
        expression = parse(prepared)
    except Misread as misread:
        if (meant := other_word(text)) is not None:
            raise meant from misread
        fault = misread.fault
        if fault.help is not None and "$" in fault.help:
            misread.fault = replace(fault, help=_EXAMPLE)
        raise
    reader = _Reader(text, expression, tests)
    tree = reader.node(expression.tree)
    return Condition(text, tree, reader.columns)


# Syntax that expressions do not have --------------------------------------------------------------


def _prepared(text: str) -> tuple[str, frozenset[int]]:
    """The text for the parser, and the places where `missing` follows `is`."""
    parts: list[str] = []
    tests: set[int] = set()
    at = 0
    while at < len(text):
        end, part = _token(text, at, tests)
        parts.append(part)
        at = end
    return "".join(parts), frozenset(tests)


def _token(text: str, at: int, tests: set[int]) -> tuple[int, str]:
    """The end of the token at a place, and its replacement for the parser."""
    character = text[at]
    if character in "'\"":
        end = _end_of_text(text, at)
        return end, text[at:end]
    if character == "`":
        return _quoted_name(text, at)
    if not (character.isalnum() or character == "_"):
        return at + 1, character
    if (found := _MISSING_TEST.match(text, at)) is not None:
        tests.add(found.end() - len(MISSING))
        sign = "!=" if found[2] else "=="
        return found.end(), sign + " " * (found.end() - at - len(sign + MISSING)) + MISSING
    if (date := _DATE.match(text, at)) is not None:
        help = f"write `'{date[0]}'`"
        raise Misread(Fault("MS113", "a time must be in quotes", help=help), *date.span())
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    word = text[at:end]
    named = word in STATEMENTS and _BEHIND_A_NAME.match(text, end)
    return end, "_" * len(word) if named else word


def _end_of_text(text: str, opening: int) -> int:
    """The end of a string in quotes; the end of the text if it is never closed."""
    at = opening + 1
    while at < len(text) and text[at] != text[opening]:
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _quoted_name(text: str, at: int) -> tuple[int, str]:
    """A name in backticks, replaced by a name of the same length."""
    end = text.find("`", at + 1)
    if end < 0:
        fault = Fault("MS113", "a backtick is never closed", help="add the second backtick")
        raise Misread(fault, at, len(text))
    if end == at + 1:
        raise Misread(Fault("MS113", "the name between the backticks is empty"), at, end + 1)
    return end + 1, "_" * (end + 1 - at)


# From Python's tree to ours -----------------------------------------------------------------------

_SIGNS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


class _Reader:
    """Reads one condition."""

    def __init__(self, text: str, expression: Expression, tests: frozenset[int]) -> None:
        self.text = text
        self.expression = expression
        self.tests = tests
        self.columns: dict[str, Place] = {}

    def place(self, node: ast.expr) -> Place:
        return self.expression.place(node)

    def wrong(self, node: ast.expr, message: str, help: str | None = None) -> NoReturn:
        raise Misread(Fault("MS113", message, help=help), *self.place(node))

    def node(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Constant):
            return self.constant(node, node.value)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.BinOp):
            sign = _SIGNS[type(node.op)]
            return Arithmetic(sign, self.node(node.left), self.node(node.right), self.place(node))
        if isinstance(node, ast.UnaryOp):
            return self.unary(node)
        if isinstance(node, ast.BoolOp):
            word = "and" if isinstance(node.op, ast.And) else "or"
            return Logic(word, tuple(map(self.node, node.values)), self.place(node))
        if isinstance(node, ast.Compare):
            return self.comparisons(node)
        if isinstance(node, ast.IfExp):
            test, body, otherwise = map(self.node, (node.test, node.body, node.orelse))
            return Choice(test, body, otherwise, self.place(node))
        if isinstance(node, ast.Call):
            return self.call(node)
        return self.other(node)

    def other(self, node: ast.expr) -> NoReturn:
        """The error for syntax of expressions that conditions do not support."""
        start, end = self.place(node)
        written = self.text[start:end]
        if isinstance(node, ast.Attribute):
            help = f"write a column of this name in backticks: `{written[:60]}`"
            self.wrong(node, "a value of a row has no members", help)
        if isinstance(node, (ast.List, ast.ListComp, ast.Tuple)):
            self.wrong(node, "a list is allowed only after `in`")
        self.wrong(node, "a value of a row cannot be indexed with `[...]`")

    def constant(self, node: ast.expr, value: Any) -> Literal:
        if value is None:
            self.wrong(node, "`null` is not a value of a row", "write `x is missing`")
        return Literal(value, self.place(node))

    def name(self, node: ast.Name) -> Node:
        start, end = self.place(node)
        written = self.text[start:end]
        if written in WORDS:
            return self.constant(node, WORDS[written])
        if written == MISSING:
            help = "write `x is missing`, or the name in backticks for a column of this name"
            self.wrong(node, "`missing` is a reserved word here", help)
        name = written[1:-1] if written.startswith("`") else written
        self.columns.setdefault(name, (start, end))
        return Column(name, (start, end))

    def unary(self, node: ast.UnaryOp) -> Node:
        value = self.node(node.operand)
        if isinstance(node.op, ast.Not):
            return Logic("not", (value,), self.place(node))
        number = isinstance(value, Literal) and type(value.value) in (int, float)
        if isinstance(value, Literal) and number:
            signed = -value.value if isinstance(node.op, ast.USub) else value.value
            return Literal(signed, self.place(node))
        if isinstance(node.op, ast.USub):
            return Signed(value, self.place(node))
        return Arithmetic("+", Literal(0, self.place(node)), value, self.place(node))

    def call(self, node: ast.Call) -> Call:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name not in FUNCTIONS:
            near = nearest(name, FUNCTIONS)
            help = f"did you mean `{near}`?" if near else f"the functions are {listed(FUNCTIONS)}"
            self.wrong(node.func, f"`{name}` is not supported in a condition", help)
        if name in ("min", "max") and len(node.args) < 2:
            self.wrong(node, f"`{name}` requires two or more values of a row")
        if name == "round" and len(node.args) == 2:
            digits = node.args[1]
            if not isinstance(read := self.node(digits), Literal) or type(read.value) is not int:
                self.wrong(digits, "the number of digits of `round` must be an integer")
        return Call(name, tuple(map(self.node, node.args)), self.place(node))

    # Comparisons ----------------------------------------------------------------------------------

    def comparisons(self, node: ast.Compare) -> Node:
        """`a < b < c` is `a < b and b < c`."""
        if any(self.is_test(part) for part in node.comparators):
            return self.missing_test(node)
        operands = (node.left, *node.comparators)
        found = tuple(
            self.comparison(_SIGNS[type(operator)], left, right)
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False)
        )
        return found[0] if len(found) == 1 else Logic("and", found, self.place(node))

    def is_test(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self.place(node)[0] in self.tests

    def missing_test(self, node: ast.Compare) -> IsMissing:
        if len(node.ops) > 1:
            help = "put each comparison in parentheses, and `and` between them"
            self.wrong(node, "`is missing` cannot be part of a chained comparison", help)
        negated = isinstance(node.ops[0], ast.NotEq)
        return IsMissing(self.node(node.left), negated, self.place(node))

    def comparison(self, sign: str, left: ast.expr, right: ast.expr) -> Comparison | Among:
        place = self.place(left)[0], self.place(right)[1]
        if isinstance(right, (ast.List, ast.Tuple)) and sign in ("in", "not in"):
            items = tuple(self.items(right))
            return Among(self.node(left), items, sign == "not in", place)
        return Comparison(sign, self.node(left), self.node(right), place)

    def items(self, node: ast.List | ast.Tuple) -> Iterator[Literal]:
        if not node.elts:
            self.wrong(node, "the list after `in` is empty")
        for one in node.elts:
            read = self.node(one)
            if not isinstance(read, Literal):
                self.wrong(one, "a list after `in` can contain only numbers or strings")
            yield read

"""What an expression comes to: Python's results on plain values, total and bounded.

Values are None, booleans, integers of 64 bits, finite floats, texts, tuples (lists) and dicts
(mappings). Every operation is a step; one that makes or reads a list or a text costs as many steps
as that has items.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from modelspec.core.diagnostics import Fault, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Value

from . import limits
from .expression_functions import FUNCTIONS, Unfit, weight
from .expression_syntax import WORDS, Expression, Misread

Environment: TypeAlias = Callable[[str], str | None]

_ARITHMETIC: Final[dict[type[ast.AST], tuple[Callable[[Any, Any], Any], str]]] = {
    ast.Add: (operator.add, "+"),
    ast.Sub: (operator.sub, "-"),
    ast.Mult: (operator.mul, "*"),
    ast.Div: (operator.truediv, "/"),
    ast.FloorDiv: (operator.floordiv, "//"),
    ast.Mod: (operator.mod, "%"),
    ast.Pow: (operator.pow, "**"),
}
_ORDER: Final[dict[type[ast.AST], tuple[Callable[[Any, Any], Any], str]]] = {
    ast.Lt: (operator.lt, "<"),
    ast.LtE: (operator.le, "<="),
    ast.Gt: (operator.gt, ">"),
    ast.GtE: (operator.ge, ">="),
}


def evaluate(
    expression: Expression, names: Mapping[str, Value], env: Environment | None = None
) -> tuple[Value, int]:
    """The value of an expression whose names are all known, and how many steps it took.

    `env` looks up a variable of the environment; without it the place is one where none may be
    read. Raises `Misread` (MS108, MS109, MS123, MS124, MS125) at the part that has no value.
    """
    run = _Run(expression, names, env)
    return run.value(expression.tree), run.steps


class _Run:
    """One expression being worked out."""

    def __init__(
        self, expression: Expression, names: Mapping[str, Value], env: Environment | None
    ) -> None:
        self.expression = expression
        self.names = names
        self.env = env
        self.steps = 0

    def value(self, node: ast.expr) -> Any:
        self.spend(1, node)
        return _VISITS[type(node)](self, node)

    def spend(self, steps: int, node: ast.expr) -> None:
        self.steps += steps
        if self.steps > limits.STEPS:
            self.wrong(node, f"the expression takes more than {limits.STEPS:,} steps", code="MS108")

    def wrong(
        self, node: ast.expr, message: str, help: str | None = None, code: str = "MS123"
    ) -> Any:
        """Raises `Misread` at the node."""
        raise Misread(Fault(code, message, help=help), *self.expression.place(node))

    def checked(self, value: Any, node: ast.expr) -> Any:
        """The value where it is one that a spec can hold."""
        if isinstance(value, int) and not limits.SMALLEST <= value <= limits.LARGEST:
            self.wrong(node, "the result does not fit into 64 bits", code="MS109")
        if isinstance(value, float) and not math.isfinite(value):
            self.wrong(node, "the result is not a finite number", code="MS109")
        if isinstance(value, complex):
            self.wrong(node, "the result is not a real number")
        return value

    # Leaves ---------------------------------------------------------------------------------------

    def constant(self, node: ast.Constant) -> Any:
        return node.value

    def name(self, node: ast.Name) -> Any:
        return WORDS[node.id] if node.id in WORDS else self.names[node.id]

    def items(self, node: ast.List | ast.Tuple) -> tuple[Any, ...]:
        made = tuple(self.value(item) for item in node.elts)
        self.sized(made, node)
        return made

    def sized(self, value: Any, node: ast.expr) -> Any:
        """A list or text that was made, its size counted."""
        size = weight(value)
        if size > limits.SIZE:
            self.wrong(
                node, f"the result has more than {limits.SIZE:,} {_parts(value)}", code="MS108"
            )
        self.spend(size, node)
        return value

    # Parts of values ------------------------------------------------------------------------------

    def attribute(self, node: ast.Attribute) -> Any:
        value = self.value(node.value)
        if not isinstance(value, dict):
            self.wrong(
                node,
                f"{self.shown(node.value, value)} has no `{node.attr}`: only a mapping has names"
                " in it",
            )
        return self.key(node, value, node.attr)

    def key(self, node: ast.Attribute | ast.Subscript, value: dict[str, Value], key: str) -> Value:
        if key in value:
            return value[key]
        fault = no_key(self.shown(node.value, None), value, key)
        start, end = self.expression.place(node)
        if isinstance(node, ast.Attribute):
            raise Misread(fault, end - len(key), end)
        raise Misread(replace(fault, suggestion=None), start, end)

    def subscript(self, node: ast.Subscript) -> Any:
        value, index = self.value(node.value), self.value(node.slice)
        if isinstance(value, dict) and isinstance(index, str):
            return self.key(node, value, index)
        if isinstance(value, (tuple, str)) and isinstance(index, slice):
            return self.sized(value[index], node)
        if not isinstance(value, (tuple, str)) or not isinstance(index, int):
            self.wrong(
                node,
                f"{self.shown(node.value, value)} has no `[{_short(index)}]`",
                "a list and a text have whole numbers in the brackets, a mapping has texts",
            )
        if not -len(value) <= index < len(value):
            self.wrong(
                node,
                f"{self.shown(node.value, None)} has {len(value)} {_parts(value)}, none at"
                f" [{index}]",
                "the first is at [0]" if index == len(value) else None,
            )
        return value[index]

    def ends(self, node: ast.Slice) -> slice:
        """The `i:j` of `a[i:j]`, either of which may be left out."""
        lower, upper = (
            None if end is None else self.value(end) for end in (node.lower, node.upper)
        )
        for end in (lower, upper):
            if end is not None and not isinstance(end, int):
                self.wrong(node, f"`:` stands between whole numbers, found {describe(end)}")
        return slice(lower, upper)

    def shown(self, node: ast.expr, value: Any) -> str:
        text = self.expression.text[slice(*self.expression.place(node))]
        name = f"`{text}`" if len(text) <= 40 else "this"
        return f"{name}, {describe(value)}," if value is not None else name

    # Operations -----------------------------------------------------------------------------------

    def binary(self, node: ast.BinOp) -> Any:
        function, sign = _ARITHMETIC[type(node.op)]
        left, right = self.value(node.left), self.value(node.right)
        if not (_number(left) and _number(right)):
            return self.joined(node, left, right, sign)
        if isinstance(node.op, ast.Pow) and self.too_large(left, right):
            self.wrong(node, "the result does not fit into 64 bits", code="MS109")
        try:
            return self.checked(function(left, right), node)
        except ZeroDivisionError:
            return self.wrong(node, "division by zero", "guard it: `a / b if b else 0`")
        except OverflowError:
            return self.wrong(node, "the result is not a finite number", code="MS109")

    @staticmethod
    def too_large(left: Any, right: Any) -> bool:
        """Whether a power of integers has more than 64 bits, known without working it out."""
        both = isinstance(left, int) and isinstance(right, int)
        return both and abs(left) > 1 and right > 0 and (abs(left).bit_length() - 1) * right > 64

    def joined(self, node: ast.BinOp, left: Any, right: Any, sign: str) -> Any:
        """Texts and lists: `a + b` of one kind, `a * 3`."""
        if sign == "+" and type(left) is type(right) and isinstance(left, (str, tuple)):
            return self.sized(left + right, node)
        for one, times in ((left, right), (right, left)) if sign == "*" else ():
            if isinstance(one, (str, tuple)) and isinstance(times, int):
                return self.repeated(one, times, node)
        with_text = sign == "+" and str in (type(left), type(right))
        return self.wrong(
            node,
            f"`{sign}` cannot take {describe(left)} and {describe(right)}",
            "make a text of the other with `str(...)`" if with_text else None,
        )

    def repeated(self, value: Any, times: int, node: ast.expr) -> Any:
        if weight(value) * times > limits.SIZE:
            self.wrong(
                node, f"the result has more than {limits.SIZE:,} {_parts(value)}", code="MS108"
            )
        return self.sized(value * times, node)

    def unary(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return not value
        if not _number(value):
            self.wrong(node, f"a sign cannot stand before {describe(value)}")
        return self.checked(-value if isinstance(node.op, ast.USub) else +value, node)

    def boolean(self, node: ast.BoolOp) -> Any:
        value = None
        for part in node.values:
            value = self.value(part)
            if bool(value) == isinstance(node.op, ast.Or):
                break
        return value

    def comparison(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            self.spend(min(weight(left), limits.STEPS) + min(weight(right), limits.STEPS), node)
            if not self.compared(node, sign, left, right):
                return False
            left = right
        return True

    def compared(self, node: ast.Compare, sign: ast.cmpop, left: Any, right: Any) -> bool:
        if isinstance(sign, ast.Eq):
            return bool(left == right)
        if isinstance(sign, ast.NotEq):
            return bool(left != right)
        if isinstance(sign, (ast.In, ast.NotIn)):
            if not isinstance(right, (tuple, dict, str)) or (
                isinstance(right, str) and not isinstance(left, str)
            ):
                self.wrong(node, f"{describe(left)} cannot be `in` {describe(right)}")
            found = left in right if not isinstance(right, dict) or isinstance(left, str) else False
            return found == isinstance(sign, ast.In)
        function, shown = _ORDER[type(sign)]
        try:
            return bool(function(left, right))
        except TypeError:
            return bool(
                self.wrong(
                    node, f"`{shown}` cannot compare {describe(left)} with {describe(right)}"
                )
            )

    def choice(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        arguments = [self.value(argument) for argument in node.args]
        function = FUNCTIONS[name].call
        if function is None:
            return self.environment(node, *arguments)
        self.spend(sum(min(weight(argument), limits.STEPS) for argument in arguments), node)
        try:
            return self.sized(self.checked(function(*arguments), node), node)
        except Unfit as unfit:
            found = " and ".join(describe(argument) for argument in arguments[:3])
            return self.wrong(
                node, f"`{name}` takes {unfit.expected}, found {found}", code=unfit.code
            )
        except OverflowError:
            return self.wrong(node, "the result is not a finite number", code="MS109")

    def environment(self, node: ast.Call, name: Any, default: Any = None) -> Any:
        if self.env is None:
            self.wrong(
                node,
                "the environment is read in `data` paths and in `runtime` only",
                code="MS124",
                help="a spec means the same everywhere; give the value with `--set` instead",
            )
        if not isinstance(name, str) or not isinstance(default, (str, int, float, type(None))):
            self.wrong(node, "`env` takes the name of a variable and a default, both in quotes")
        assert self.env is not None
        found = self.env(name)
        if found is None and len(node.args) == 1:
            self.wrong(
                node,
                f"the environment has no variable `{_short(name)}`",
                code="MS125",
                help=f"set it, or give a default: `env('{_short(name)}', '...')`",
            )
        return self.sized(default if found is None else found, node)


_VISITS: Final[dict[type[ast.expr], Callable[[_Run, Any], Any]]] = {
    ast.Constant: _Run.constant,
    ast.Name: _Run.name,
    ast.List: _Run.items,
    ast.Tuple: _Run.items,
    ast.Attribute: _Run.attribute,
    ast.Subscript: _Run.subscript,
    ast.Slice: _Run.ends,
    ast.BinOp: _Run.binary,
    ast.UnaryOp: _Run.unary,
    ast.BoolOp: _Run.boolean,
    ast.Compare: _Run.comparison,
    ast.IfExp: _Run.choice,
    ast.Call: _Run.call,
}


def no_key(shown: str, value: dict[str, Value], key: str) -> Fault:
    """A mapping does not have the key."""
    near = nearest(key, value)
    known = ", ".join(f"`{name}`" for name in list(value)[:8])
    return Fault(
        "MS123",
        f"{shown} has no `{_short(key)}`",
        suggestion=near,
        help=f"did you mean `{near}`?" if near else f"it has {known}" if value else "it is empty",
    )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _parts(value: Any) -> str:
    return "characters" if isinstance(value, str) else "items"


def _short(value: Any) -> str:
    text = str(value) if isinstance(value, (str, int, float)) else "..."
    return text if len(text) <= 40 else f"{text[:37]}..."

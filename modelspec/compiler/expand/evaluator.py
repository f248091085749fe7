"""The value of an expression: Python's results on plain values, total and bounded.

Values are None, booleans, 64-bit integers, finite floats, strings, tuples (lists) and dicts
(mappings). Every operation is a step; one that makes or reads a list or a string takes as many
steps as it has items.
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
from .unknown_size import UNKNOWN, is_unknown, unknown_size

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
    """The value of an expression whose names are all known, and the number of steps.

    `env` looks up an environment variable; without it, the environment cannot be read at this
    place. Raises `Misread` (MS108, MS109, MS123, MS124, MS125) at the part that has no value.
    """
    run = _Run(expression, names, env)
    found = run.value(expression.tree)
    run.known(expression.tree, found)
    return found, run.steps


class _Run:
    """Evaluates one expression."""

    def __init__(
        self, expression: Expression, names: Mapping[str, Value], env: Environment | None
    ) -> None:
        self.expression = expression
        self.names = names
        self.env = env
        self.steps = 0
        self.own: dict[str, Any] = {}
        """The variables of the comprehensions around the part that is evaluated."""

    def value(self, node: ast.expr) -> Any:
        self.spend(1, node)
        found = _VISITS[type(node)](self, node)
        if found is UNKNOWN:
            self.unknown(node)
        return found

    def unknown(self, node: ast.expr) -> None:
        """Raises `Misread` (MS421) for a size that is not known."""
        start, end = self.expression.place(node)
        raise Misread(unknown_size(self.expression.text[start:end]), start, end)

    def known(self, node: ast.expr, *values: Any) -> None:
        """Raises `Misread` (MS421) if a value contains a size that is not known."""
        if any(map(is_unknown, values)):
            self.unknown(node)

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
        """The value, if a spec can hold it."""
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
        if node.id in self.own:
            return self.own[node.id]
        return WORDS[node.id] if node.id in WORDS else self.names[node.id]

    def items(self, node: ast.List | ast.Tuple) -> tuple[Any, ...]:
        made = tuple(self.value(item) for item in node.elts)
        self.sized(made, node)
        return made

    def comprehension(self, node: ast.ListComp) -> tuple[Any, ...]:
        made: list[Any] = []
        outer = dict(self.own)
        self.rounds(node, 0, made)
        self.own = outer
        return tuple(self.sized(tuple(made), node))

    def rounds(self, node: ast.ListComp, index: int, made: list[Any]) -> None:
        """Add the items of all rounds of a loop of a comprehension, and of the loops after it."""
        if index == len(node.generators):
            made.append(self.value(node.elt))
            return
        loop = node.generators[index]
        items = self.value(loop.iter)
        if not isinstance(items, (tuple, dict, str)):
            self.wrong(loop.iter, f"a comprehension requires a list, found {describe(items)}")
        assert isinstance(loop.target, ast.Name)
        for item in items:
            self.own[loop.target.id] = item
            if all(self.value(test) for test in loop.ifs):
                self.rounds(node, index + 1, made)

    def sized(self, value: Any, node: ast.expr) -> Any:
        """A list or string that was created, its size counted."""
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
                f"{self.shown(node.value, value)} has no `{node.attr}`: only a mapping has named"
                " members",
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
                "a list or a string is indexed with an integer, a mapping with a string",
            )
        if not -len(value) <= index < len(value):
            self.wrong(
                node,
                f"{self.shown(node.value, None)} has {len(value)} {_parts(value)}, so the index"
                f" [{index}] is out of range",
                "the first index is [0]" if index == len(value) else None,
            )
        return value[index]

    def ends(self, node: ast.Slice) -> slice:
        """The `i:j` of `a[i:j]`; both are optional."""
        lower, upper = (
            None if end is None else self.value(end) for end in (node.lower, node.upper)
        )
        for end in (lower, upper):
            if end is not None and not isinstance(end, int):
                self.wrong(node, f"a slice requires integers, found {describe(end)}")
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
            return self.wrong(node, "division by zero", "check for zero: `a / b if b else 0`")
        except OverflowError:
            return self.wrong(node, "the result is not a finite number", code="MS109")

    @staticmethod
    def too_large(left: Any, right: Any) -> bool:
        """Whether a power of integers has more than 64 bits, without computing it."""
        both = isinstance(left, int) and isinstance(right, int)
        return both and abs(left) > 1 and right > 0 and (abs(left).bit_length() - 1) * right > 64

    def joined(self, node: ast.BinOp, left: Any, right: Any, sign: str) -> Any:
        """Strings and lists: `a + b` of one type, `a * 3`."""
        if sign == "+" and type(left) is type(right) and isinstance(left, (str, tuple)):
            return self.sized(left + right, node)
        for one, times in ((left, right), (right, left)) if sign == "*" else ():
            if isinstance(one, (str, tuple)) and isinstance(times, int):
                return self.repeated(one, times, node)
        with_text = sign == "+" and str in (type(left), type(right))
        return self.wrong(
            node,
            f"`{sign}` does not support {describe(left)} and {describe(right)}",
            "convert the other value with `str(...)`" if with_text else None,
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
            self.wrong(node, f"a sign cannot be applied to {describe(value)}")
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
            self.known(node, left, right)
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
        if name != "len":
            self.known(node, *arguments)
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
                "environment variables can be used only in `data` paths and in `runtime`",
                code="MS124",
                help="use `--set` instead, so that the spec means the same everywhere",
            )
        if not isinstance(name, str) or not isinstance(default, (str, int, float, type(None))):
            self.wrong(node, "`env` takes the name of a variable and a default, both in quotes")
        assert self.env is not None
        found = self.env(name)
        if found is None and len(node.args) == 1:
            self.wrong(
                node,
                f"the environment variable `{_short(name)}` is not set",
                code="MS125",
                help=f"set it, or add a default: `env('{_short(name)}', '...')`",
            )
        return self.sized(default if found is None else found, node)


_VISITS: Final[dict[type[ast.expr], Callable[[_Run, Any], Any]]] = {
    ast.Constant: _Run.constant,
    ast.Name: _Run.name,
    ast.List: _Run.items,
    ast.Tuple: _Run.items,
    ast.ListComp: _Run.comprehension,
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
    """The error of a missing key of a mapping."""
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

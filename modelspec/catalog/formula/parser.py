"""The text of a formula to its tree: Python's grammar for expressions, and of it the part that the
tables have.

Python's parser reads the text, which runs nothing; every kind of node that is not named here is
refused. What is made of numbers alone is worked out at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache
from types import EllipsisType
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Fault, listed, nearest
from modelspec.core.source.python_nodes import place

from .bind import Binder
from .function_table import FUNCTIONS
from .python_syntax import read
from .scalars import SCALARS, compute
from .tree import Call, Choice, Constant, Formula, Index, Name, Node, Place, walk


class Grammar(NamedTuple):
    """What a formula may be made of."""

    example: str
    tensors: bool
    """Whether names are tensors; otherwise they are numbers."""


TENSORS: Final = Grammar("tanh(a) * sigmoid(b)", True)
"""Formulas on tensors."""
NUMBERS: Final = Grammar("lr * 0.9 if epoch > 5 else lr", False)
"""Formulas on numbers."""

_OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "mod",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.And: "logical_and",
    ast.Or: "logical_or",
    ast.Not: "logical_not",
    ast.USub: "negative",
}
_REFUSED: Final[dict[type[ast.AST], tuple[str, str | None]]] = {
    ast.Lambda: ("a `lambda`", None),
    ast.ListComp: ("a comprehension", None),
    ast.SetComp: ("a comprehension", None),
    ast.DictComp: ("a comprehension", None),
    ast.GeneratorExp: ("a comprehension", None),
    ast.Dict: ("a mapping", None),
    ast.Set: ("a set", None),
    ast.JoinedStr: ("an f-string", None),
    ast.NamedExpr: ("an assignment", None),
    ast.Starred: ("a `*`", None),
    ast.Await: ("`await`", None),
    ast.Yield: ("`yield`", None),
    ast.BitAnd: ("`&`", "write `and`, with comparisons in parentheses"),
    ast.BitOr: ("`|`", "write `or`, with comparisons in parentheses"),
    ast.BitXor: ("`^`", "write `**` for a power"),
    ast.Invert: ("`~`", "write `not`"),
    ast.LShift: ("`<<`", None),
    ast.RShift: ("`>>`", None),
    ast.Is: ("`is`", "write `==`"),
    ast.IsNot: ("`is not`", "write `!=`"),
    ast.In: ("`in`", None),
    ast.NotIn: ("`not in`", None),
    ast.List: ("a list", "a list stands only where a function takes one"),
    ast.Tuple: ("a list", "a list stands only where a function takes one"),
    ast.IfExp: ("`if`", "write `where(condition, a, b)`, which chooses for each entry"),
    ast.MatMult: ("`@`", None),
    ast.Subscript: ("`[...]`", None),
    ast.Attribute: ("a `.`", "functions stand without a prefix: `tanh(x)`"),
}


@lru_cache(maxsize=1024)
def parse(text: str, grammar: Grammar) -> Formula:
    """The tree of a formula. Raises `Fault` (MS108, MS140 to MS143, MS145) with the part of the
    text at fault.
    """
    tree = read(text, grammar.example)
    root = _Builder(text, grammar).node(tree)
    first: dict[str, Name] = {}
    for node in sorted(
        (one for one in walk(root) if isinstance(one, Name)), key=lambda one: one.place
    ):
        first.setdefault(node.name, node)
    return Formula(text, root, tuple(first.values()))


# Nodes --------------------------------------------------------------------------------------------


class _Builder:
    """Builds the tree of one text."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text = text
        self.grammar = grammar

    def place(self, node: ast.expr | ast.keyword) -> Place:
        return place(self.text, node)

    def refuse(self, kind: ast.AST, node: ast.expr) -> Fault:
        """The fault of a kind of node that formulas do not have."""
        name, help = _REFUSED.get(type(kind), ("this", None))
        if not self.grammar.tensors and isinstance(kind, ast.IfExp):
            help = None
        return Fault(
            "MS141",
            f"{name} cannot stand in a formula",
            part=self.place(node),
            help=help or "`modelspec explain MS141` says what can",
        )

    def node(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, ast.Name):
            return Name(node.id, self.place(node))
        if isinstance(node, ast.BinOp):
            return self.operation(node.op, (node.left, node.right), node)
        if isinstance(node, ast.UnaryOp):
            plus = isinstance(node.op, ast.UAdd)
            return (
                self.node(node.operand) if plus else self.operation(node.op, (node.operand,), node)
            )
        if isinstance(node, ast.BoolOp):
            return self.chain(node.op, [self.node(one) for one in node.values], node)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Subscript) and self.grammar.tensors:
            return self.subscript(node)
        if isinstance(node, ast.IfExp) and not self.grammar.tensors:
            return Choice(
                self.node(node.test), self.node(node.body), self.node(node.orelse), self.place(node)
            )
        raise self.refuse(node, node)

    def constant(self, node: ast.Constant) -> Constant:
        value, where = node.value, self.place(node)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            shown = self.text[slice(*where)]
            help = "write 1 or 0" if isinstance(value, bool) else None
            help = (
                "a text stands only where a function takes one" if isinstance(value, str) else help
            )
            raise Fault("MS141", f"`{shown[:30]}` is no number", part=where, help=help)
        if (isinstance(value, int) and value >= 2**63) or value == float("inf"):
            raise Fault("MS145", "the number does not fit into 64 bits", part=where)
        return Constant(value, where)

    # Operators ------------------------------------------------------------------------------------

    def operation(self, operator: ast.AST, operands: Iterable[ast.expr], node: ast.expr) -> Node:
        function = _OPERATORS.get(type(operator))
        if function is None or (function == "matmul" and not self.grammar.tensors):
            raise self.refuse(operator, node)
        return self.made(function, [self.node(one) for one in operands], self.place(node))

    def chain(self, operator: ast.AST, values: list[Node], node: ast.expr) -> Node:
        """`a and b and c`."""
        found, *rest = values
        for value in rest:
            found = self.made(_OPERATORS[type(operator)], [found, value], self.place(node))
        return found

    def comparison(self, node: ast.Compare) -> Node:
        """`0 < x < 1` is `0 < x and x < 1`."""
        for operator in node.ops:
            if type(operator) not in _OPERATORS:
                raise self.refuse(operator, node)
        values = [self.node(one) for one in (node.left, *node.comparators)]
        pairs = [
            self.made(_OPERATORS[type(operator)], [a, b], self.place(node))
            for operator, a, b in zip(node.ops, values, values[1:], strict=False)
        ]
        return self.chain(ast.And(), pairs, node)

    def made(self, function: str, operands: list[Node], where: Place) -> Node:
        """An operator's call; its result where it works on numbers alone."""
        numbers = [one.value for one in operands if isinstance(one, Constant)]
        if function == "matmul" and numbers:
            raise Fault("MS143", "`@` takes tensors, found a number", part=where, help="write `*`")
        if len(numbers) == len(operands) and (
            self.grammar.tensors or function not in ("logical_and", "logical_or")
        ):
            found = compute(function, list(numbers), where)
            if isinstance(found, bool) and self.grammar.tensors:
                raise Fault(
                    "MS141",
                    "this compares numbers, and is the same whatever the tensors are",
                    part=where,
                )
            return Constant(found, where)
        if not self.grammar.tensors:
            last = operands[-1]
            if (
                function in ("divide", "floor_divide", "mod")
                and isinstance(last, Constant)
                and last.value == 0
            ):
                raise Fault("MS145", "division by zero", part=where)
            return Call(function, {"x": tuple(operands)}, {}, {}, where, True)
        names = [parameter.name for parameter in FUNCTIONS[function].parameters]
        return Call(function, dict(zip(names, operands, strict=True)), {}, {}, where, True)

    # Functions ------------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Node:
        if not isinstance(node.func, ast.Name):
            written = self.text[slice(*self.place(node.func))]
            meant = written.rpartition(".")[2]
            known = FUNCTIONS if self.grammar.tensors else SCALARS
            raise Fault(
                "MS142",
                f"`{written[:40]}` is no function of a formula",
                part=self.place(node.func),
                help=(
                    f"write `{meant}`"
                    if meant in known
                    else "functions stand by their own names: `tanh(x)`"
                ),
                suggestion=meant if meant in known else None,
            )
        name = node.func.id
        if not self.grammar.tensors:
            return self.scalar_call(name, node)
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.unknown(name, FUNCTIONS, node)
        found = Binder(function, self.text, self.node, self.place(node)).call(node)
        numbers = {key: item for key, item in found.tensors.items() if isinstance(item, Constant)}
        if numbers and len(numbers) == len(found.tensors):
            return self.on_numbers(
                function.name, [one.value for one in numbers.values()], found.place
            )
        for parameter in function.parameters:
            if parameter.kind == "tensor" and (number := numbers.get(parameter.name)):
                raise Fault(
                    "MS143",
                    f"`{name}` takes a tensor for `{parameter.name}`, found a number",
                    part=number.place,
                )
        return found

    def on_numbers(self, name: str, numbers: list[int | float], where: Place) -> Node:
        """A function of numbers alone: `sqrt(64)`."""
        if name not in SCALARS:
            raise Fault("MS143", f"`{name}` takes a tensor, found a number", part=where)
        found = compute(name, list(numbers), where)
        if isinstance(found, bool):
            raise Fault(
                "MS141",
                "this compares numbers, and is the same whatever the tensors are",
                part=where,
            )
        return Constant(found, where)

    def scalar_call(self, name: str, node: ast.Call) -> Node:
        if name not in SCALARS:
            raise self.unknown(name, SCALARS, node)
        scalar, where = SCALARS[name], self.place(node)
        if node.keywords:
            raise Fault(
                "MS143",
                f"`{name}` takes its numbers without names",
                part=self.place(node.keywords[0]),
            )
        if not scalar.least <= len(node.args) <= scalar.most:
            wanted = (
                f"{scalar.least}" if scalar.least == scalar.most else f"at least {scalar.least}"
            )
            raise Fault(
                "MS143",
                f"`{name}` takes {wanted} number{'s' * (scalar.least > 1)}, found {len(node.args)}",
                part=where,
            )
        operands = [self.node(one) for one in node.args]
        numbers = [one.value for one in operands if isinstance(one, Constant)]
        if len(numbers) == len(operands):
            return Constant(compute(name, list(numbers), where), where)
        return Call(name, {"x": tuple(operands)}, {}, {}, where)

    def unknown(self, name: str, known: Iterable[str], node: ast.Call) -> Fault:
        names = list(known)
        near = nearest(name, names)
        help = f"did you mean `{near}`?" if near else f"there are {listed(sorted(names))}"
        return Fault(
            "MS142",
            f"there is no function `{name}`",
            part=self.place(node.func),
            help=help,
            suggestion=near,
        )

    # Parts ----------------------------------------------------------------------------------------

    def subscript(self, node: ast.Subscript) -> Node:
        value = self.node(node.value)
        if isinstance(value, Constant):
            raise Fault(
                "MS143", "`[...]` takes a part of a tensor, found a number", part=self.place(node)
            )
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        items = tuple(self.item(part) for part in parts)
        if sum(isinstance(item, EllipsisType) for item in items) > 1:
            raise Fault("MS143", "an index has one `...` at most", part=self.place(node))
        return Index(value, items, tuple(self.place(part) for part in parts), self.place(node))

    def item(self, node: ast.expr) -> int | slice | EllipsisType | None:
        if isinstance(node, ast.Constant) and (node.value is None or node.value is ...):
            return None if node.value is None else ...
        if isinstance(node, ast.Slice):
            bounds = [
                None if one is None else self.whole(one)
                for one in (node.lower, node.upper, node.step)
            ]
            if bounds[2] == 0:
                raise Fault("MS143", "the step of a slice is not 0", part=self.place(node))
            return slice(*bounds)
        return self.whole(node)

    def whole(self, node: ast.expr) -> int:
        found = self.node(node)
        if isinstance(found, Constant) and isinstance(found.value, int):
            return found.value
        raise Fault(
            "MS143",
            "an index is made of whole numbers, `:`, `...` and `None`",
            part=self.place(node),
            help="to take entries that tensors choose, multiply with a `one_hot`",
        )

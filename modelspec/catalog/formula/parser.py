"""Parses the text of a formula to a tree: the subset of Python expressions that the tables define.

Python's parser reads the text without running it; every kind of node that is not listed here is
refused. Subexpressions of numbers are evaluated immediately.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from types import EllipsisType, NoneType
from typing import Any, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.source.python_nodes import place

from .bind import Binder
from .function_names import unknown_function
from .function_table import FUNCTIONS, OTHER_NAMES
from .grammar import OPERATORS, Grammar, refusal
from .python_syntax import read
from .results import results_of, selected, several_results
from .scalars import SCALARS, compute
from .tree import Call, Choice, Constant, Formula, Index, Name, Node, Place, walk


@lru_cache(maxsize=1024)
def parse(text: str, grammar: Grammar) -> Formula:
    """The tree of a formula. Raises `Fault` (MS108, MS140 to MS143, MS145) with the part of the
    text at fault.
    """
    tree = read(text, grammar.example)
    root = _Builder(text, grammar).node(tree)
    names = sorted((one for one in walk(root) if isinstance(one, Name)), key=lambda one: one.place)
    first: dict[str, Name] = {}
    for name in names:
        first.setdefault(name.name, name)
    return Formula(text, root, tuple(first.values()))


# Nodes ------------------------------------------------------------------------------------------


class _Builder:
    """Builds the tree of one formula."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text = text
        self.grammar = grammar

    def place(self, node: ast.expr | ast.keyword) -> Place:
        return place(self.text, node)

    def refuse(self, kind: ast.AST, node: ast.expr) -> Fault:
        """The fault for a kind of node that formulas do not support."""
        name, help = refusal(kind, self.grammar)
        message = f"{name} is not allowed in a formula"
        return Fault("MS141", message, part=self.place(node), help=help)

    def node(self, node: ast.expr) -> Node:
        """The node of a part of the text, which has one result."""
        found = self.built(node)
        if self.grammar.tensors and results_of(found):
            raise several_results(found, self.text)
        return found

    def built(self, node: ast.expr) -> Node:
        """The node of a part of the text, which may have several results."""
        build = _BUILDERS.get(type(node))
        if build is None or type(node) in (_OF_NUMBERS if self.grammar.tensors else _OF_TENSORS):
            raise self.refuse(node, node)
        return build(self, node)

    def name(self, node: ast.Name) -> Name:
        return Name(node.id, self.place(node))

    def attribute(self, node: ast.Attribute) -> Name:
        """`target.label`, or an output of a layer, as one name in a term of an objective."""
        if not self.grammar.objective or not isinstance(node.value, ast.Name):
            raise self.refuse(node, node)
        return Name(f"{node.value.id}.{node.attr}", self.place(node))

    def choice(self, node: ast.IfExp) -> Choice:
        test, yes, no = (self.node(one) for one in (node.test, node.body, node.orelse))
        return Choice(test, yes, no, self.place(node))

    def constant(self, node: ast.Constant) -> Constant:
        value, where = node.value, self.place(node)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            shown = self.text[slice(*where)]
            help = _INSTEAD.get(type(value))
            raise Fault("MS141", f"`{shown[:30]}` is not a number", part=where, help=help)
        if (isinstance(value, int) and value >= 2**63) or value == float("inf"):
            raise Fault("MS145", "the number does not fit into 64 bits", part=where)
        return Constant(value, where)

    # Operators -----------------------------------------------------------------------------------

    def binary(self, node: ast.BinOp) -> Node:
        return self.operation(node.op, (node.left, node.right), node)

    def unary(self, node: ast.UnaryOp) -> Node:
        if isinstance(node.op, ast.UAdd):
            return self.node(node.operand)
        return self.operation(node.op, (node.operand,), node)

    def boolean(self, node: ast.BoolOp) -> Node:
        return self.chain(node.op, [self.node(one) for one in node.values], node)

    def operation(self, operator: ast.AST, operands: Iterable[ast.expr], node: ast.expr) -> Node:
        function = OPERATORS.get(type(operator))
        if function is None or (function == "matmul" and not self.grammar.tensors):
            raise self.refuse(operator, node)
        return self.made(function, [self.node(one) for one in operands], self.place(node))

    def chain(self, operator: ast.AST, values: list[Node], node: ast.expr) -> Node:
        """`a and b and c`."""
        found, *rest = values
        for value in rest:
            found = self.made(OPERATORS[type(operator)], [found, value], self.place(node))
        return found

    def comparison(self, node: ast.Compare) -> Node:
        """`0 < x < 1` is `0 < x and x < 1`."""
        for operator in node.ops:
            if type(operator) not in OPERATORS:
                raise self.refuse(operator, node)
        values = [self.node(one) for one in (node.left, *node.comparators)]
        pairs = [
            self.made(OPERATORS[type(operator)], list(pair), self.place(node))
            for operator, pair in zip(node.ops, pairwise(values), strict=True)
        ]
        return self.chain(ast.And(), pairs, node)

    def made(self, function: str, operands: list[Node], where: Place) -> Node:
        """An operator's call, or its result if all operands are numbers."""
        numbers = _values(operands)
        if function == "matmul" and numbers:
            raise Fault("MS143", "`@` takes tensors, found a number", part=where, help="write `*`")
        if len(numbers) == len(operands) and self.is_computed(function):
            return self.computed(function, numbers, where)
        if self.grammar.tensors:
            names = [parameter.name for parameter in FUNCTIONS[function].parameters]
            return Call(function, dict(zip(names, operands, strict=True)), {}, {}, where, True)
        divisor = operands[-1]
        if function in _DIVISIONS and isinstance(divisor, Constant) and divisor.value == 0:
            raise Fault("MS145", "division by zero", part=where)
        return Call(function, {"x": tuple(operands)}, {}, {}, where, True)

    def is_computed(self, function: str) -> bool:
        """Whether an operator on numbers is replaced by its result: all except `and` and `or` in
        formulas on numbers, which may skip their second operand.
        """
        return self.grammar.tensors or function not in ("logical_and", "logical_or")

    def computed(self, function: str, numbers: list[int | float], where: Place) -> Constant:
        """The result of a function of numbers. Raises MS141 for a comparison of numbers in a
        formula on tensors.
        """
        found = compute(function, list(numbers), where)
        if isinstance(found, bool) and self.grammar.tensors:
            raise Fault(
                "MS141",
                "this compares numbers, so its result does not depend on the tensors",
                part=where,
            )
        return Constant(found, where)

    # Functions -----------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Node:
        if not isinstance(node.func, ast.Name):
            raise self.no_name(node.func)
        name = node.func.id
        if not self.grammar.tensors:
            return self.scalar_call(name, node)
        name = OTHER_NAMES.get(name, name)
        function = FUNCTIONS.get(name)
        if function is None:
            raise unknown_function(name, self.functions(), self.grammar, self.place(node.func))
        if function.objective and not self.grammar.objective:
            raise Fault(
                "MS841",
                f"`{name}` is allowed only in a term of `training.objective`",
                part=self.place(node.func),
            )
        found = Binder(function, self.text, self, self.place(node)).call(node)
        numbers = {key: item for key, item in found.tensors.items() if isinstance(item, Constant)}
        if numbers and len(numbers) == len(found.tensors):
            return self.on_numbers(name, _values(numbers.values()), found.place)
        for parameter in function.parameters:
            if parameter.kind == "tensor" and (number := numbers.get(parameter.name)):
                raise Fault(
                    "MS143",
                    f"`{name}` takes a tensor for `{parameter.name}`, found a number",
                    part=number.place,
                )
        return found

    def functions(self) -> list[str]:
        """The functions on tensors that the grammar allows."""
        return [
            name for name, one in FUNCTIONS.items() if self.grammar.objective or not one.objective
        ]

    def no_name(self, function: ast.expr) -> Fault:
        """The fault for a call of anything other than a name: `tf.tanh(x)`."""
        written = self.text[slice(*self.place(function))]
        last = written.rpartition(".")[2]
        meant = last if last in (FUNCTIONS if self.grammar.tensors else SCALARS) else None
        return Fault(
            "MS142",
            f"`{written[:40]}` is not a function of formulas",
            part=self.place(function),
            help=f"write `{meant}`" if meant else "write functions by their plain names: `tanh(x)`",
            suggestion=meant,
        )

    def on_numbers(self, name: str, numbers: list[int | float], where: Place) -> Node:
        """A function of numbers only: `sqrt(64)`."""
        if name not in SCALARS:
            raise Fault("MS143", f"`{name}` takes a tensor, found a number", part=where)
        return self.computed(name, numbers, where)

    def scalar_call(self, name: str, node: ast.Call) -> Node:
        if name not in SCALARS:
            raise unknown_function(name, SCALARS, self.grammar, self.place(node.func))
        where = self.place(node)
        if node.keywords:
            raise Fault(
                "MS143",
                f"`{name}` does not accept keyword arguments",
                part=self.place(node.keywords[0]),
            )
        _check_count(name, len(node.args), where)
        operands = [self.node(one) for one in node.args]
        numbers = _values(operands)
        if len(numbers) == len(operands):
            return self.computed(name, numbers, where)
        return Call(name, {"x": tuple(operands)}, {}, {}, where)

    # Parts ---------------------------------------------------------------------------------------

    def subscript(self, node: ast.Subscript) -> Node:
        value = self.built(node.value)
        if isinstance(value, Constant):
            raise Fault(
                "MS143", "`[...]` takes a part of a tensor, found a number", part=self.place(node)
            )
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        items = tuple(self.item(part) for part in parts)
        if isinstance(value, Call) and results_of(value):
            return selected(value, items, self.place(node.slice), self.place(node))
        if sum(isinstance(item, EllipsisType) for item in items) > 1:
            raise Fault("MS143", "an index has at most one `...`", part=self.place(node))
        return Index(value, items, tuple(self.place(part) for part in parts), self.place(node))

    def item(self, node: ast.expr) -> int | slice | EllipsisType | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, (EllipsisType, NoneType)):
            return node.value
        if not isinstance(node, ast.Slice):
            return self.whole(node)
        bounds = (node.lower, node.upper, node.step)
        start, stop, step = (None if one is None else self.whole(one) for one in bounds)
        if step == 0:
            raise Fault("MS143", "the step of a slice must not be 0", part=self.place(node))
        return slice(start, stop, step)

    def whole(self, node: ast.expr) -> int:
        found = self.node(node)
        if isinstance(found, Constant) and isinstance(found.value, int):
            return found.value
        raise Fault(
            "MS143",
            "an index must consist of integers, `:`, `...` and `None`",
            part=self.place(node),
            help="to select elements by a tensor, multiply with a `one_hot`",
        )


def _values(nodes: Iterable[Node]) -> list[int | float]:
    """The numbers among some nodes."""
    return [one.value for one in nodes if isinstance(one, Constant)]


def _check_count(name: str, count: int, where: Place) -> None:
    """Raises MS143 for a wrong number of arguments of a function of numbers."""
    least, most = SCALARS[name].least, SCALARS[name].most
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"at least {least}"
        raise Fault(
            "MS143",
            f"`{name}` takes {wanted} number{'s' * (least > 1)}, found {count}",
            part=where,
        )


_DIVISIONS: Final = ("divide", "floor_divide", "mod")
_INSTEAD: Final = {
    bool: "write 1 or 0",
    str: "a string is allowed only where a function takes one",
}
"""What to write in place of constants other than numbers."""
_BUILDERS: Final[dict[type[ast.expr], Callable[[_Builder, Any], Node]]] = {
    ast.Constant: _Builder.constant,
    ast.Name: _Builder.name,
    ast.Attribute: _Builder.attribute,
    ast.BinOp: _Builder.binary,
    ast.UnaryOp: _Builder.unary,
    ast.BoolOp: _Builder.boolean,
    ast.Compare: _Builder.comparison,
    ast.Call: _Builder.call,
    ast.Subscript: _Builder.subscript,
    ast.IfExp: _Builder.choice,
}
_OF_TENSORS: Final = (ast.Subscript,)
_OF_NUMBERS: Final = (ast.IfExp,)
"""Kinds of nodes that only formulas on tensors, or only formulas on numbers, support."""

"""The grammar of formulas: names, operators, and the messages for other Python expressions."""

from __future__ import annotations

import ast
from typing import Final

from modelspec.core.records import NamedTuple


class Grammar(NamedTuple):
    """The elements of a formula."""

    example: str
    tensors: bool
    """Whether names are tensors; otherwise they are numbers."""
    objective: bool = False
    """Whether it is a term of `training.objective`: names may contain a dot (`target.label`), and
    random numbers and gradients are allowed.
    """


TENSORS: Final = Grammar("tanh(a) * sigmoid(b)", True)
"""Formulas on tensors."""
TERMS: Final = Grammar("mean(square(x - target.y), axis=-1)", True, True)
"""Terms of an objective: formulas on tensors of the model and on targets."""
NUMBERS: Final = Grammar("lr * 0.9 if epoch > 5 else lr", False)
"""Formulas on numbers."""
RATES: Final = Grammar("1e-3 * minimum(step / 1000, 1)", False)
"""Formulas on the step and the epoch of a training."""

OPERATORS: Final[dict[type[ast.AST], str]] = {
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
"""The function that each operator is."""
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
    ast.List: ("a list", "a list is allowed only where a function takes one"),
    ast.Tuple: ("a list", "a list is allowed only where a function takes one"),
    ast.IfExp: ("`if`", "write `where(condition, a, b)`, which selects elementwise"),
    ast.MatMult: ("`@`", None),
    ast.Subscript: ("`[...]`", None),
    ast.Attribute: ("a `.`", "write functions without a prefix: `tanh(x)`"),
}
"""The name of a kind of node, and what to write in its place."""


def refusal(kind: ast.AST, grammar: Grammar) -> tuple[str, str]:
    """The name and the help for a kind of node that formulas do not support."""
    name, help = _REFUSED.get(type(kind), ("this", None))
    if not grammar.tensors and isinstance(kind, ast.IfExp):
        help = None
    return name, help or "`modelspec explain MS141` lists what is allowed"

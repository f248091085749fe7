"""Parses the text of an expression to a tree: the part of Python's grammar that a spec may use.

Python's parser reads the text, which executes nothing. Every kind of node that is not listed here
is refused, even in a part that would never be evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NoReturn

from modelspec.core.diagnostics import Fault, nearest
from modelspec.core.python_expression import parsed
from modelspec.core.records import NamedTuple
from modelspec.core.source.python_nodes import offset, place

from . import limits
from .expression_functions import FUNCTIONS

WORDS: Final = {"true": True, "false": False, "null": None}
"""YAML's words and Python's: an expression may use either."""

_OPERATORS: Final[tuple[type[ast.AST], ...]] = (
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.And,
    ast.Or,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
)
_NODES: Final[tuple[type[ast.AST], ...]] = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.IfExp,
    ast.List,
    ast.ListComp,
    ast.Tuple,
)
_REFUSED: Final[dict[type[ast.AST], str]] = {
    ast.Lambda: "a `lambda`",
    ast.SetComp: "a comprehension of a set",
    ast.DictComp: "a comprehension of a mapping",
    ast.GeneratorExp: "a comprehension without brackets",
    ast.Dict: "a mapping",
    ast.Set: "a set",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment",
    ast.Starred: "a `*`",
    ast.Slice: "a slice with steps",
    ast.BitAnd: "`&`",
    ast.BitOr: "`|`",
    ast.BitXor: "`^`",
    ast.Invert: "`~`",
    ast.LShift: "`<<`",
    ast.RShift: "`>>`",
    ast.MatMult: "`@`",
    ast.Is: "`is`",
    ast.IsNot: "`is not`",
}
_IN_BRACKETS: Final = "write it in brackets: `[2 * x for x in xs if x > 1]`"
_INSTEAD: Final[dict[type[ast.AST], str]] = {
    ast.Is: "write `==`",
    ast.IsNot: "write `!=`",
    ast.BitAnd: "write `and`",
    ast.BitOr: "write `or`",
    ast.BitXor: "write `**` for a power",
    ast.Invert: "write `not`",
    ast.SetComp: _IN_BRACKETS,
    ast.GeneratorExp: _IN_BRACKETS,
    ast.JoinedStr: "write `$(...)` inside the string itself: `run-$(width)`",
    ast.Dict: "write the mapping in `vars`, and use its name here",
}


class Misread(Exception):
    """An error in an expression, at the characters from `start` up to `end` of its text."""

    def __init__(self, fault: Fault, start: int, end: int) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.start = start
        self.end = end


class Name(NamedTuple):
    """A name in an expression, and its place in the text."""

    text: str
    start: int
    end: int


class Expression(NamedTuple):
    """A parsed expression: its tree contains only nodes that can be evaluated."""

    text: str
    tree: ast.expr
    names: tuple[Name, ...]

    def place(self, node: ast.expr) -> tuple[int, int]:
        """The place of a node in the text."""
        return place(self.text, node)


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Expression:
    """The tree of an expression. Raises `Misread` (MS108, MS109, MS120, MS122)."""
    if len(text) > limits.LENGTH:
        found = f"at most {limits.LENGTH:,} characters, this one has {len(text):,}"
        raise _as_a_whole(text, "MS108", f"an expression has {found}", _IN_PARTS)
    if not text.strip():
        raise _as_a_whole(text, "MS120", "the expression is empty", "write e.g. `$(2 * width)`")
    tree = _read(text)
    nodes: list[ast.AST] = []
    for node, depth in _walk(tree):
        nodes.append(node)
        if depth > limits.NESTING:
            message = f"more than {limits.NESTING} nested operations"
            raise _as_a_whole(text, "MS108", message, _IN_PARTS)
        _check(text, node)
    return Expression(text, tree, tuple(_names(text, nodes)))


def _names(text: str, nodes: list[ast.AST]) -> Iterator[Name]:
    """The names of values, without those of functions and of comprehensions."""
    other = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.ListComp):
            other.update(_own_names(node))
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in WORDS and id(node) not in other:
            yield Name(node.id, *place(text, node))


def _own_names(node: ast.ListComp) -> Iterator[int]:
    """The identities of the names that are variables of a comprehension: each can be used in its
    conditions, in the loops after it and in the item.
    """
    known: set[str] = set()
    for loop in node.generators:
        yield from _among(loop.iter, known)
        assert isinstance(loop.target, ast.Name)
        known.add(loop.target.id)
        for part in (loop.target, *loop.ifs):
            yield from _among(part, known)
    yield from _among(node.elt, known)


def _among(node: ast.expr, names: set[str]) -> Iterator[int]:
    return (id(one) for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in names)


_IN_PARTS: Final = "move parts of it to `vars`"


def _as_a_whole(text: str, code: str, message: str, help: str | None = None) -> Misread:
    """An error of an expression as a whole."""
    return Misread(Fault(code, message, help=help), 0, len(text))


def _read(text: str) -> ast.expr:
    try:
        return parsed(text)  # constructs that Python warns about are refused below
    except SyntaxError as error:
        raise _unreadable(text, error) from None
    except (ValueError, RecursionError, MemoryError):
        raise _as_a_whole(text, "MS120", "invalid expression", _EXAMPLE) from None


_EXAMPLE: Final = "write e.g. `$(2 * width)` or `$('same' if stride == 1 else 'valid')`"


def _unreadable(text: str, error: SyntaxError) -> Misread:
    """The error in a text that Python's parser rejects."""
    if error.msg.startswith("Exceeds the limit"):
        return _as_a_whole(text, "MS109", "the integer does not fit into 64 bits")
    if error.msg.startswith("expected 'else'"):
        help = "write `x if condition else y`"
        return _as_a_whole(text, "MS120", "an `if` in an expression requires an `else`", help)
    line, column = error.lineno or 1, error.offset or 1
    start = min(max(offset(text, line, column - 1), 0), len(text))
    if not text[start:].strip():
        fault = Fault("MS120", "the expression ends too early", help=_EXAMPLE)
        return Misread(fault, 0, len(text.rstrip()))
    if "Perhaps" in error.msg and error.end_lineno == line:
        end = max(start + 1, min(offset(text, line, (error.end_offset or 0) - 1), len(text)))
        shown = text[start:end][:40]
        fault = Fault("MS120", f"an operator is missing in `{shown}`", help=_EXAMPLE)
        return Misread(fault, start, end)
    if "never closed" in error.msg and "#" in text:
        start = text.index("#")
    return _misplaced_word(text, start, "'=='" in error.msg)


def _misplaced_word(text: str, start: int, assigns: bool) -> Misread:
    """A word or a sign at the wrong place."""
    word = text[start:].split(maxsplit=1)[0]
    if assigns or (word.startswith("=") and not word.startswith("==")):
        start = max(text.find("=", start), 0)
        fault = Fault("MS120", "an expression cannot assign", help="write `==` to compare")
        return Misread(fault, start, start + 1)
    if word.startswith("$"):
        message = "names inside `$(...)` are written without `$`"
        fault = Fault("MS120", message, help="remove the `$`", suggestion="")
        return Misread(fault, start, start + 1)
    message = f"unexpected `{word[:30]}` in an expression"
    return Misread(Fault("MS120", message, help=_EXAMPLE), start, start + len(word))


def _walk(tree: ast.expr) -> Iterator[tuple[ast.AST, int]]:
    """Every node with its depth, without recursion."""
    queue: list[tuple[ast.AST, int]] = [(tree, 1)]
    for node, depth in queue:
        yield node, depth
        queue.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _check(text: str, node: ast.AST) -> None:
    """Raises `Misread` for a node that the language does not support."""
    if isinstance(node, ast.Call):
        _check_call(text, node)
    elif isinstance(node, ast.Constant):
        _check_constant(text, node)
    elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp)):
        _check_known(text, node.op, node)
    elif isinstance(node, ast.Compare):
        for operator in node.ops:
            _check_known(text, operator, node)
    elif isinstance(node, ast.ListComp):
        _check_comprehension(text, node)
    elif isinstance(node, ast.expr):
        _check_slices(text, node)
        _check_known(text, node, node)


def _check_slices(text: str, node: ast.expr) -> None:
    """Raises `Misread` for a slice with steps, and for several in one pair of brackets."""
    if isinstance(node, ast.Slice) and node.step is not None:
        _refuse(text, node, node)
    if isinstance(node, ast.Tuple):
        for one in node.elts:
            if isinstance(one, ast.Slice):
                _refuse(text, one, one)


def _check_comprehension(text: str, node: ast.ListComp) -> None:
    """Raises `Misread` for a comprehension whose variable is not one name."""
    for loop in node.generators:
        target = loop.target
        if loop.is_async:
            _refuse(text, loop, node)
        if not isinstance(target, ast.Name) or target.id in WORDS:
            help = "write `[2 * x for x in xs]`; the parts of `x` are `x[0]` and `x.name`"
            message = "the variable of a comprehension must be one name"
            raise Misread(Fault("MS122", message, help=help), *place(text, target))


def _check_known(text: str, node: ast.AST, whole: ast.expr) -> None:
    """Raises `Misread` for a kind of node, or an operator of `whole`, that the language does not
    support.
    """
    if not isinstance(node, (*_NODES, *_OPERATORS)):
        _refuse(text, node, whole)


def _refuse(text: str, node: ast.AST, whole: ast.expr) -> NoReturn:
    name = _REFUSED.get(type(node), "this")
    help = _INSTEAD.get(
        type(node), "`modelspec explain MS122` lists what an expression may contain"
    )
    raise Misread(
        Fault("MS122", f"{name} is not allowed in an expression", help=help), *place(text, whole)
    )


def _check_constant(text: str, node: ast.Constant) -> None:
    value = node.value
    if isinstance(value, (bytes, complex)) or value is ...:
        raise Misread(
            Fault(
                "MS122",
                "an expression may contain numbers, strings, `True`, `False` and `None`, found "
                f"`{text[slice(*place(text, node))][:30]}`",
            ),
            *place(text, node),
        )
    if isinstance(value, int) and not isinstance(value, bool) and value > limits.LARGEST:
        raise Misread(Fault("MS109", "the integer does not fit into 64 bits"), *place(text, node))
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise Misread(Fault("MS109", "the number is larger than any float"), *place(text, node))


def _check_call(text: str, node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise Misread(
            Fault(
                "MS122",
                "only the functions of the language can be called, by their names",
                help=f"the functions are {', '.join(f'`{name}`' for name in FUNCTIONS)}",
            ),
            *place(text, node.func),
        )
    name = node.func.id
    if name not in FUNCTIONS:
        near = nearest(name, FUNCTIONS)
        help = (
            f"did you mean `{near}`?"
            if near
            else f"the functions are {', '.join(f'`{known}`' for known in FUNCTIONS)}"
        )
        raise Misread(
            Fault("MS122", f"unknown function `{name}`", help=help, suggestion=near),
            *place(text, node.func),
        )
    if node.keywords:
        argument = node.keywords[0].value
        raise Misread(
            Fault("MS122", f"`{name}` does not support named arguments"), *place(text, argument)
        )
    function = FUNCTIONS[name]
    if not function.least <= len(node.args) <= function.most:
        raise Misread(
            Fault("MS123", f"`{name}` takes {function.takes()}, found {len(node.args)}"),
            *place(text, node),
        )

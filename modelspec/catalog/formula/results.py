"""Functions with several results, of which an index selects one: `top_k(x, 3)[0]`."""

from __future__ import annotations

from types import EllipsisType
from typing import Final, TypeAlias

from modelspec.core.diagnostics import Fault

from .function_table import FUNCTIONS
from .tree import Call, Node, Place, Result

Item: TypeAlias = int | slice | EllipsisType | None
_SHOWN: Final = 40


def results_of(node: Node) -> tuple[str, ...]:
    """The names of the results of a call that has several; empty for every other node."""
    if not isinstance(node, Call) or node.function not in FUNCTIONS:
        return ()
    return FUNCTIONS[node.function].results


def several_results(node: Node, text: str) -> Fault:
    """MS890 where one result is required."""
    assert isinstance(node, Call)
    first, second = results_of(node)
    shown = text[slice(*node.place)]
    written = shown if len(shown) <= _SHOWN else f"{node.function}(...)"
    return Fault(
        "MS890",
        f"`{node.function}` has two results, {first} and {second}",
        part=node.place,
        help=f"select one of them: `{written}[0]` is {first}, `{written}[1]` {second}",
    )


def selected(node: Call, items: tuple[Item, ...], index: Place, place: Place) -> Result:
    """The result that an index selects. Raises MS890 for anything other than 0 or 1."""
    names = results_of(node)
    item = items[0]
    if len(items) != 1 or not isinstance(item, int) or not -len(names) <= item < len(names):
        raise Fault(
            "MS890",
            f"the index of `{node.function}` selects one of its results: 0 is {names[0]}, 1 is"
            f" {names[1]}",
            part=index,
            help="to select a part of that result, add a second index: `top_k(x, 3)[0][:, -1]`",
        )
    return Result(node, item % len(names), place)

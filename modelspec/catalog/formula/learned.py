"""Formulas over all training rows: `mean(x)`, `max(abs(x)) - min(x)`. The statistics that a
`transform` learns from other examples are written this way.

Axis 0 is the rows. A reduction over it is a statistic, which is combined from blocks of rows;
everything else is arithmetic on each row before it, and on the statistics after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelspec.core.diagnostics import Fault, listed
from modelspec.core.shapes import Shape, Tensor, show

from .across_batch import batch_axes
from .function_table import FUNCTIONS
from .tree import Call, Constant, Formula, Node, children
from .type_inference import inference

STATISTICS = tuple(sorted(name for name, function in FUNCTIONS.items() if function.learned))
"""The functions that can be combined from blocks of rows."""


@dataclass(frozen=True)
class LearnedFormula:
    """The analysis of a formula over all training rows."""

    result: Tensor
    """Its type, without an axis of rows."""
    statistics: tuple[Call, ...]
    """Its reductions over the rows, each computed from rows only."""
    axes: Mapping[int, tuple[int, ...]] = field(repr=False)
    """The axes of each reduction, by the `id` of its node."""
    dtypes: Mapping[int, str] = field(repr=False)
    """The dtype of every operation, by the `id` of its node."""


def infer_learned(formula: Formula, tensors: Mapping[str, Tensor]) -> LearnedFormula:
    """The types of a formula over all training rows.

    Raises `Fault` with the part of the text at fault: MS669 if it cannot be combined from blocks of
    rows, else like `infer`.
    """
    run = inference(formula, tensors, {})
    found = run.operand(formula.root)
    if isinstance(found, Constant) or batch_axes(found):
        shape = show(found.shape) if isinstance(found, Tensor) else "a number"
        raise Fault(
            "MS669",
            f"`{formula}` is not a statistic of the training rows: it has a value for each row"
            if isinstance(found, Tensor)
            else f"`{formula}` is {shape}, so there is nothing to learn",
            part=formula.root.place,
            help=f"reduce the rows, which are axis 0: `mean(x, axis=0)`, or {_functions()}",
        )
    across = {id(node) for node in run.across}
    statistics: list[Call] = []
    _collect(formula.root, across, run.shapes, statistics)
    axes = {id(one): _axes(one, run.shapes) for one in statistics}
    return LearnedFormula(found, tuple(statistics), axes, run.dtypes)


def _functions() -> str:
    return f"one of {listed(STATISTICS, 'or')}"


def _collect(node: Node, across: set[int], shapes: Mapping[int, Shape], found: list[Call]) -> None:
    """The reductions over rows at or below a node. Raises `Fault` (MS669) at any other operation on
    several rows.
    """
    if id(node) not in across:
        for child in children(node):
            _collect(child, across, shapes, found)
        return
    if not isinstance(node, Call) or not FUNCTIONS[node.function].learned:
        what = f"`{node.function}` over" if isinstance(node, Call) else "selecting some of"
        raise Fault(
            "MS669",
            f"{what} the training rows cannot be learned: they are processed in blocks",
            part=node.place,
            help=f"learn {_functions()}",
        )
    inner = next((one for child in children(node) for one in _inside(child, across)), None)
    if inner is not None:
        raise Fault(
            "MS669",
            "a statistic of training rows depends on another one, but each is learned in"
            " one pass over the rows",
            part=inner.place,
            help="learn them in two consecutive transforms, or write them as one statistic",
        )
    found.append(node)


def _inside(node: Node, across: set[int]) -> list[Node]:
    """The operations on several rows at or below a node, the innermost first."""
    below = [one for child in children(node) for one in _inside(child, across)]
    return [*below, node] if id(node) in across else below


def _axes(node: Call, shapes: Mapping[int, Shape]) -> tuple[int, ...]:
    """The axes that a reduction removes, counted from 0."""
    operand = node.tensors["x"]
    assert isinstance(operand, tuple)
    rank = len(shapes[id(operand)])
    given = node.settings["axis"]
    if given is None:
        return tuple(range(rank))
    return tuple(axis % rank for axis in (given if isinstance(given, tuple) else (given,)))

"""The types of a formula of targets and outputs, whose targets are not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor

from .elementwise import BATCH
from .tree import Formula
from .type_inference import inference

_DTYPE = "float32"


class Compared(NamedTuple):
    """What is known about a formula of `y_true` and `y_pred` for outputs of one shape."""

    result: Shape | None
    """Its shape for targets with the shape of the outputs; None if it does not support them."""
    fault: Fault | None
    """Why it supports no targets at all; None if it supports some."""


@lru_cache(maxsize=64)
def compared(formula: Formula, outputs: Shape) -> Compared:
    """The type of a formula of outputs (batch first) and targets, which are cast to one dtype."""
    found = [_inferred(formula, targets, outputs) for targets in _targets(outputs)]
    first = found[0]
    if not isinstance(first, Fault):
        return Compared(first, None)
    faults = [one for one in found if isinstance(one, Fault)]
    always = len(faults) == len(found) and all(one.part == first.part for one in faults)
    place = first.part or formula.root.place
    of_outputs = "y_true" not in formula.text[slice(*place)]
    return Compared(None, first if always and of_outputs else None)


def _targets(outputs: Shape) -> Iterator[Shape]:
    """Shapes that targets may have: that of the outputs, and others of known and unknown sizes."""
    batch, *others = outputs
    yield outputs
    yield from ((batch,), (batch, 1), (batch, *others[:-1]), (batch, *others[:-1], 1))
    yield from ((batch, *(None for _ in range(count))) for count in range(1, len(outputs) + 2))


def _inferred(formula: Formula, targets: Shape, outputs: Shape) -> Shape | Fault:
    types = {"y_true": Tensor(targets, _DTYPE), "y_pred": Tensor(outputs, _DTYPE)}
    used = {name: one for name, one in types.items() if name in formula.arguments}
    try:
        result = inference(formula, used, {}).operand(formula.root)
    except Fault as fault:
        return fault
    return result.shape if isinstance(result, Tensor) else ()


def separate_examples(result: Shape | None, outputs: Shape) -> bool:
    """Whether the result of a formula has a value for each example, or is a scalar, so that it can
    be multiplied with the weights of the examples; also if it is unknown.
    """
    batch = BATCH if outputs[0] is None else outputs[0]
    return not result or result[0] == batch

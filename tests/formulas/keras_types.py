"""The types of formulas in modelspec and in Keras, symbolic and on real tensors."""

from __future__ import annotations

from typing import Any

from modelspec.catalog.formula import TENSORS, Formula, Inferred, infer, parse
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .draw import Case

BATCH = 5
"""A batch size that no other axis has."""


def ours(case: Case) -> tuple[Formula | None, Inferred | Fault]:
    try:
        formula = parse(case.text, TENSORS)
        if not formula.names:
            return None, Fault("MS146", "no tensor")
        return formula, infer(formula, {name: case.tensors[name] for name in formula.arguments})
    except Fault as fault:
        return (
            None if fault.code in ("MS140", "MS141", "MS142", "MS143") else parsed(case.text)
        ), fault


def parsed(text: str) -> Formula | None:
    try:
        return parse(text, TENSORS)
    except Fault:
        return None


def lowered(formula: Formula, given: dict[str, Any], dtypes: Any) -> Any:
    """What Keras makes of it; its exception where it refuses."""
    from modelspec.runtime.backend.formulas import FormulaRun

    try:
        return FormulaRun(given, dtypes).value(formula.root)
    except Exception as error:  # noqa: BLE001  # Keras and TensorFlow raise anything
        return error


def symbolic(x: Tensor, batch: int | None = None) -> Any:
    import keras

    return keras.KerasTensor((batch, *x.shape[1:]), x.dtype)


def real(x: Tensor) -> Any:
    import keras
    import numpy as np

    shape = (BATCH, *(size for size in x.shape[1:] if isinstance(size, int)))
    return keras.ops.cast((np.arange(np.prod(shape)) % 3 + 1).reshape(shape), x.dtype)


def type_of(x: Any) -> tuple[tuple[int | None, ...], str]:
    import keras

    return tuple(x.shape), keras.backend.standardize_dtype(x.dtype)


OF_VALUES = ("Integer division by zero", "Integers to negative integer powers")
"""What TensorFlow refuses for the numbers that were drawn, whatever the types."""
STRICT_CODES = ("MS145", "MS404")
"""Numbers that do not fit or have no use, and dtypes that TensorFlow computes with in some
operations only.
"""


def stricter(fault: Fault, foretold: Any, ran: Any) -> bool:
    """Whether Keras computes something here that is refused on purpose."""
    if fault.code in STRICT_CODES:
        return True
    if fault.code == "MS407" and ("is empty" in fault.message or "is left" in fault.message):
        return True  # an empty part, which no layer takes
    if fault.code == "MS143" and "above" in fault.message:
        return True
    if fault.code == "MS403" and "batch" in fault.message:
        return True  # the batch beside an axis that is 1 for these sizes
    return fault.code == "MS401" and "batch" in fault.message

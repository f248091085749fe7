"""The terms of `training.objective` with the types of the tensors and targets that they read, as
far as these do not depend on the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelspec.catalog.components.loss import Loss
from modelspec.core.dtypes import is_float, is_integer
from modelspec.core.records import NamedTuple
from modelspec.core.settings import Settings
from modelspec.core.shapes import Tensor

from ..infer.objective_terms import ResolvedTerm, resolved_terms, type_of

if TYPE_CHECKING:
    from .case import Case

_CLASSES = ("indices", "identities")


class TypedTerm(NamedTuple):
    """A term, and the types of what it reads; None if one of them is unknown."""

    resolved: ResolvedTerm
    types: dict[str, Tensor] | None


def typed_terms(case: Case) -> Iterator[TypedTerm]:
    """Every term whose references exist; the others are reported."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None:
        return
    for one in resolved_terms(typed, training.objective, case.report):
        types = {name: type_of(ref, typed) for name, ref in one.tensors.items()}
        types |= {name: target_type(case, target) for name, target in one.targets.items()}
        known = {name: found for name, found in types.items() if found is not None}
        yield TypedTerm(one, known if len(known) == len(types) else None)


def target_type(case: Case, name: str) -> Tensor | None:
    """The type of a target in a batch; None if it depends on the data."""
    if case.data is None or case.data.window is not None or case.data.window_in_error:
        return None
    training, typed = case.fitting, case.typed
    assert training is not None and typed is not None
    if name in training.losses or name in training.metrics:
        output = typed.outputs.get(name)
        chosen = training.losses.get(name)
        loss = chosen.settings if chosen is not None else None
        return _compared(output, loss) if output is not None else None
    feature = (case.data.targets or {}).get(name)
    made = case.chains.transformed.get(("targets", name))
    return None if feature is None or made is None else alone(made, feature.column is not None)


def alone(prepared: Tensor, one_column: bool) -> Tensor | None:
    """The type of a target that no output is compared with: prepared values as they are, floats in
    float32; one number for each example has no axis of its own.
    """
    if not (is_float(prepared.dtype) or is_integer(prepared.dtype) or prepared.dtype == "bool"):
        return None
    shape = prepared.shape[:1] if one_column and prepared.shape[1:] == (1,) else prepared.shape
    return Tensor(shape, "float32" if is_float(prepared.dtype) else prepared.dtype)


def _compared(output: Tensor, loss: Settings | str | None) -> Tensor | None:
    """The type of the target of an output with a loss or a metric."""
    if loss is not None and not isinstance(loss, Loss):
        return None
    encoding = getattr(loss, "targets", "any")
    if encoding in _CLASSES:
        axis = getattr(loss, "axis", -1)
        place = axis % output.rank if isinstance(axis, int) else output.rank - 1
        return Tensor((*output.shape[:place], *output.shape[place + 1 :]), "int32")
    if encoding == "sequences":
        return None
    return Tensor(output.shape, "float64" if output.dtype == "float64" else "float32")

"""A constraint along an axis that the weight does not have."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import CONSTRAINTS
from modelspec.catalog.components.constraint import Constraint
from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Tensor

from ..infer import TypedCall
from .case import Case
from .graph_walk import setting_span
from .running_calls import RunningCalls
from .weight_settings import components, weights_of

_SUFFIX = "_constraint"


def check(case: Case) -> None:
    """Check every constraint of a trained weight; report the first of a layer."""
    if case.fitting is None:
        return
    running = RunningCalls(case)
    for call, _, parts, _ in case.layers.all:
        runs = bool(call.weights) and call in running
        found = next(_misfits(call, parts), None) if runs else None
        if found is not None:
            setting, message = found
            case.report.error(
                "MS417",
                message,
                setting_span(call, setting) or call.call.use.kind_span,
                help="use an axis of the weight, or leave `axis` out",
            )


def _misfits(call: TypedCall, parts: tuple[Layer, ...]) -> Iterator[tuple[str, str]]:
    for one in parts:
        for what, constraint in components(one, _SUFFIX, CONSTRAINTS, Constraint):
            for weight in weights_of(call, what):
                reason = constraint.misfit(Tensor(weight.shape, weight.dtype))
                if weight.trainable and reason is not None:
                    setting = f"{what}{_SUFFIX}"
                    yield setting, f"`{setting}`: `{constraint.kind()}` {reason}"

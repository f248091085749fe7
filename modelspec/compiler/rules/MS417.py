"""A constraint along an axis that the weight does not have."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import CONSTRAINTS
from modelspec.catalog.components.constraint import Constraint
from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Tensor

from ..infer import TypedCall
from ..infer.shared import nested
from .case import Case
from .graph_walk import layer_of, setting_span
from .weight_settings import components, weights_of

_SUFFIX = "_constraint"


def check(case: Case) -> None:
    """Check every constraint of a trained weight; report the first of a layer."""
    if case.fitting is None:
        return
    for typed in case.graphs:
        for call in typed.layers:
            layer = layer_of(call)
            found = next(_misfits(call, layer), None) if layer is not None else None
            if found is not None:
                setting, message = found
                case.report.error(
                    "MS417",
                    message,
                    setting_span(call, setting) or call.call.use.kind_span,
                    help="use an axis of the weight, or leave `axis` out",
                )


def _misfits(call: TypedCall, layer: Layer) -> Iterator[tuple[str, str]]:
    for one in nested(layer):
        for what, constraint in components(one, _SUFFIX, CONSTRAINTS, Constraint):
            for weight in weights_of(call, what):
                reason = constraint.misfit(Tensor(weight.shape, weight.dtype))
                if weight.trainable and reason is not None:
                    setting = f"{what}{_SUFFIX}"
                    yield setting, f"`{setting}`: `{constraint.kind()}` {reason}"

"""A loss that no weight can lower."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from ..infer import TypedCall, TypedGraph
from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """Check every output with a loss, if the model has trainable weights."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None or not complete(typed):
        return
    if not typed.trainable_parameters:
        return  # no weight is trained (MS532), or the weights are not known yet
    reached = _reached(typed)
    for one in case.trained:
        output = one.head.output
        if one.misfits or training.loss_weights.get(output) == 0:
            continue
        if typed.graph.outputs[output].producer not in reached:
            case.report.warning(
                "MS565",
                f"output `{output}` depends on no trainable weight: its loss has no effect",
                one.loss.span,
                help=f"add a layer with weights before `{output}`, or remove its loss",
            )


def _reached(typed: TypedGraph) -> set[str]:
    """The calls whose outputs have a gradient with respect to a trained weight."""
    found: set[str] = set()
    for call in typed.layers:  # in order: the inputs of a call are before it
        if any(map(_has_derivative, call.outputs)) and (
            _trains(call) or any(ref.producer in found for ref in call.call.refs())
        ):
            found.add(call.name)
    return found


def _has_derivative(tensor: Tensor) -> bool:
    return is_float(tensor.dtype) or tensor.dtype.startswith("complex")


def _trains(call: TypedCall) -> bool:
    return any(weight.trainable for weight in call.weights)

"""A regularizer that does not support the weight or output it is set for."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import REGULARIZERS
from modelspec.catalog.components.regularizers import Regularizer
from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Tensor

from ..infer import TypedCall
from .case import Case
from .graph_walk import setting_span
from .running_calls import RunningCalls
from .weight_settings import components, regularized

_SUFFIX = "_regularizer"
_OUTPUT = "activity"


def check(case: Case) -> None:
    """Check every regularizer of a model with training; without training it is never computed."""
    if case.fitting is None:
        return
    running = RunningCalls(case)
    for call, _, parts, _ in case.layers.all:
        if call in running:
            _check_layer(case, call, parts)


def _check_layer(case: Case, call: TypedCall, parts: tuple[Layer, ...]) -> None:
    reported: set[str] = set()  # the cells of an RNN may share a setting
    for what, regularizer in _regularizers(parts):
        misfits = (regularizer.misfit(tensor) for tensor in _regularized(call, what))
        misfit = next((one for one in misfits if one is not None), None)
        setting = f"{what}{_SUFFIX}"
        if misfit is None or setting in reported:
            continue
        reported.add(setting)
        case.report.error(
            "MS212",
            f"`{setting}`: `{regularizer.kind()}` {misfit}",
            setting_span(call, setting) or call.call.use.kind_span,
            help="use `L1`, `L2` or `L1L2`, which take any shape and dtype",
        )


def _regularizers(parts: tuple[Layer, ...]) -> Iterator[tuple[str, Regularizer]]:
    """What the layer and the layers nested in its settings regularize. A nested layer has an output
    of another shape, which is not known here.
    """
    for one in parts:
        for what, regularizer in components(one, _SUFFIX, REGULARIZERS, Regularizer):
            if one is parts[0] or what != _OUTPUT:
                yield what, regularizer


def _regularized(call: TypedCall, what: str) -> Iterator[Tensor]:
    """The output or the trained weights that a setting applies to."""
    if what == _OUTPUT:
        yield from call.outputs
        return
    for weight in regularized(call, what):
        yield Tensor(weight.shape, weight.dtype)

"""A regularizer that cannot take the weight, or the output, that it is set for."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import REGULARIZERS
from modelspec.catalog.components.regularizers import Regularizer
from modelspec.catalog.layers.layer import Layer
from modelspec.core.settings import Context
from modelspec.core.shapes import Shape

from ..infer import TypedCall
from .case import Case
from .graph_walk import layer_of, setting_span

_SUFFIX = "_regularizer"
_OUTPUT = "activity"


def check(case: Case) -> None:
    """Every regularizer of a layer that is trained: no loss asks for the others."""
    if case.fitting is None:
        return
    for typed in case.graphs:
        for call in typed.layers:
            layer = layer_of(call)
            if layer is not None:
                _check_layer(case, call, layer)


def _check_layer(case: Case, call: TypedCall, layer: Layer) -> None:
    for setting, regularizer in _regularizers(layer):
        for shape in _regularized(call, setting.removesuffix(_SUFFIX)):
            misfit = regularizer.misfit(shape)
            if misfit is None:
                continue
            case.report.error(
                "MS212",
                f"`{setting}`: `{regularizer.kind()}` {misfit}",
                setting_span(call, setting) or call.call.use.kind_span,
                help="use `L1`, `L2` or `L1L2`, which take any shape",
            )
            break


def _regularizers(layer: Layer) -> Iterator[tuple[str, Regularizer]]:
    for name in type(layer).model_fields:
        value = getattr(layer, name) if name.endswith(_SUFFIX) else None
        if isinstance(value, str) and (found := REGULARIZERS.find(value)) is not None:
            value = found.read(None, Context())
        if isinstance(value, Regularizer):
            yield name, value


def _regularized(call: TypedCall, what: str) -> Iterator[Shape]:
    """The shapes of the output, or of the trained weights that a setting is named after:
    `recurrent_regularizer` is that of `recurrent_kernel`.
    """
    if what == _OUTPUT:
        yield from (tensor.shape for tensor in call.outputs)
        return
    for weight in call.weights:
        name = weight.name.rpartition("/")[2]
        if weight.trainable and (name == what or name.startswith(f"{what}_")):
            yield weight.shape

"""An initializer that does not support the weight it is set for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelspec.catalog.components import INITIALIZERS
from modelspec.catalog.components.initializers import Initializer
from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Tensor

from ..infer import TypedCall
from .case import Case
from .graph_walk import setting_span
from .weight_settings import components, weights_of

_SUFFIX = "_initializer"


def check(case: Case) -> None:
    """Check every initializer of a layer and of the layers nested in its settings."""
    seen: set[int] = set()
    for call, layer, parts, _ in case.layers.all:
        if call.weights and id(layer) not in seen:
            seen.add(id(layer))
            _check_layer(case, call, parts)


def _check_layer(case: Case, call: TypedCall, parts: Iterable[Layer]) -> None:
    for setting, initializer, reason in _misfits(call, parts):
        case.report.error(
            "MS413",
            f"`{setting}`: `{initializer.kind()}` {reason}",
            setting_span(call, setting) or call.call.use.kind_span,
            help="use another initializer, e.g. `glorot_uniform`",
        )
        return


def _misfits(call: TypedCall, parts: Iterable[Layer]) -> Iterator[tuple[str, Initializer, str]]:
    tensors: dict[str, dict[Tensor, None]] = {}  # each once: a layer may hold thousands of cells
    for one in parts:
        for what, initializer in components(one, _SUFFIX, INITIALIZERS, Initializer):
            if type(initializer).misfit is Initializer.misfit:
                continue
            if what not in tensors:
                kinds = (Tensor(weight.shape, weight.dtype) for weight in weights_of(call, what))
                tensors[what] = dict.fromkeys(kinds)
            for tensor in tensors[what]:
                reason = initializer.misfit(tensor)
                if reason is not None:
                    yield f"{what}{_SUFFIX}", initializer, reason

"""The shared layers and models that are moving averages of others, and the calls of both."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.records import NamedTuple

from ..infer import TypedCall, TypedGraph
from ..spec.moving_average import MovingAverage
from .case import Case


class AveragedPart(NamedTuple):
    """A moving average that an output depends on."""

    average: MovingAverage
    call: TypedCall
    """Its first call."""
    source: TypedCall | None
    """The first call of the layer or model that it averages, if an output depends on one."""


def averaged_parts(case: Case) -> Iterator[AveragedPart]:
    """Every moving average with its calls, if all layers are known. Low-rank adapters exclude
    moving averages (MS538), and add weights.
    """
    typed, lora = case.typed, case.fitting.lora if case.fitting is not None else None
    if typed is None or lora is not None or len(typed.layers) < len(typed.graph.calls):
        return
    called = called_parts(typed)
    for name, average in typed.graph.averages.items():
        if name in called:
            yield AveragedPart(average, called[name], called.get(average.source))


def called_parts(typed: TypedGraph) -> dict[str, TypedCall]:
    """The shared layers and models that the outputs depend on, each with its first call."""
    found: dict[str, TypedCall] = {}
    for call in typed.alive:
        if call.shared is not None:
            found.setdefault(call.shared, call)
        if call.inside is not None:
            own = call.inside.graph.shared
            inner = called_parts(call.inside)
            found = {**{name: one for name, one in inner.items() if name not in own}, **found}
    return found

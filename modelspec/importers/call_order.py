"""The numbering of layer calls in the JSON of Keras, and an order in which calls can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from .architecture import CallDef, LayerDef, Source, Unreadable, with_sources
from .keras_calls import shown


class _Shift(NamedTuple):
    """The offset from 0 at which a file numbers the calls of a model, for inputs of calls and for
    outputs of the model.
    """

    in_calls: int
    in_outputs: int


_SHIFTS = (_Shift(0, 1), _Shift(1, 1), _Shift(0, 0))
_SHIFTS_OF_SEQUENTIAL = (_Shift(0, 0), _Shift(1, 1), _Shift(0, 1))
"""The numberings of the Keras versions, the most likely first."""


def renumbered(
    calls: Sequence[CallDef], ends: Sequence[Source], layers: Mapping[str, LayerDef]
) -> tuple[list[CallDef], list[Source]]:
    """Calls and outputs with the calls of each inner model numbered from 0.

    The construction of a model is already a call, and versions differ in whether a file counts
    it: Keras 2 does, Keras 3 does in outputs but not in calls. Every call in a file is used, so
    the correct numbering is the one under which every call is used.
    """
    models = {name: one for name, one in layers.items() if one.inside and not one.around}
    shifts = {name: _shift(layer, calls, ends) for name, layer in models.items()}
    in_calls = {name: shift.in_calls for name, shift in shifts.items() if shift.in_calls}
    in_outputs = {name: shift.in_outputs for name, shift in shifts.items() if shift.in_outputs}
    if not in_calls and not in_outputs:
        return list(calls), list(ends)
    return [_shifted(call, in_calls) for call in calls], [_moved(one, in_outputs) for one in ends]


def _shift(layer: LayerDef, calls: Sequence[CallDef], ends: Sequence[Source]) -> _Shift:
    """The numbering under which every call of a model is used."""
    name = layer.name
    count = sum(call.layer == name for call in calls)
    taken = {source.call for call in calls for source in call.sources() if source.layer == name}
    given = {source.call for source in ends if source.layer == name}
    for shift in _SHIFTS_OF_SEQUENTIAL if layer.kind == "Sequential" else _SHIFTS:
        in_calls = {one - shift.in_calls for one in taken}
        in_outputs = {one - shift.in_outputs for one in given}
        if in_calls | in_outputs == set(range(count)):
            return shift
    return _Shift(0, 0)


def _shifted(call: CallDef, shifts: Mapping[str, int]) -> CallDef:
    return replace(call, tensors=with_sources(call.tensors, lambda one: _moved(one, shifts)))


def _moved(source: Source, shifts: Mapping[str, int]) -> Source:
    return source._replace(call=source.call - shifts.get(source.layer, 0))


def ordered(calls: Sequence[CallDef], inputs: set[str]) -> tuple[CallDef, ...]:
    """The calls in topological order, otherwise in the order of the file.

    A layer that is called twice is in the file once, at its first call. Raises `Unreadable` if
    no such order exists.
    """
    there = {(name, 0) for name in inputs}
    waiting: dict[tuple[str, int], list[int]] = {}
    missing: list[int] = []
    for index, call in enumerate(calls):
        needed = {(source.layer, source.call) for source in call.sources()} - there
        missing.append(len(needed))
        for one in needed:
            waiting.setdefault(one, []).append(index)
    ready = [index for index, count in enumerate(missing) if not count]  # sorted, so a heap
    found: list[CallDef] = []
    while ready:
        call = calls[heappop(ready)]
        found.append(call)
        for index in waiting.pop((call.layer, call.number), ()):
            missing[index] -= 1
            if not missing[index]:
                heappush(ready, index)
    if len(found) < len(calls):
        lost = next(call for call, count in zip(calls, missing, strict=True) if count)
        raise Unreadable(
            f"`{shown(lost.layer)}` uses a tensor that no layer outputs, or the calls form a circle"
        )
    return tuple(found)

"""Which call of a layer is which in the JSON of Keras, and in what order calls can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from .architecture import CallDef, LayerDef, Source, Unreadable
from .keras_calls import shown


class _Shift(NamedTuple):
    """How much higher than from 0 a file counts the calls of a model, where calls take its tensors
    and where outputs do.
    """

    in_calls: int
    in_outputs: int


_SHIFTS = (_Shift(0, 1), _Shift(1, 1), _Shift(0, 0))
_SHIFTS_OF_SEQUENTIAL = (_Shift(0, 0), _Shift(1, 1), _Shift(0, 1))
"""What versions of Keras do, the likeliest first."""


def renumbered(
    calls: Sequence[CallDef], ends: Sequence[Source], layers: Mapping[str, LayerDef]
) -> tuple[list[CallDef], list[Source]]:
    """Calls and outputs with the calls of each inner model counted from 0.

    A model has a call of its own before anybody calls it, and versions differ in whether a file
    counts it: Keras 2 does, Keras 3 does where outputs name it and does not where calls do. Every
    call in a file is taken by something, so that way of counting is right under which all of them
    are.
    """
    models = {name: one for name, one in layers.items() if one.inside and not one.around}
    shifts = {name: _shift(layer, calls, ends) for name, layer in models.items()}
    in_calls = {name: shift.in_calls for name, shift in shifts.items() if shift.in_calls}
    in_outputs = {name: shift.in_outputs for name, shift in shifts.items() if shift.in_outputs}
    if not in_calls and not in_outputs:
        return list(calls), list(ends)
    return [_shifted(call, in_calls) for call in calls], [_moved(one, in_outputs) for one in ends]


def _shift(layer: LayerDef, calls: Sequence[CallDef], ends: Sequence[Source]) -> _Shift:
    """The way of counting under which every call of a model is taken by something."""
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
    tensors: dict[str, Source | Sequence[Source]] = {}
    for key, item in call.tensors.items():
        if isinstance(item, Source):
            tensors[key] = _moved(item, shifts)
        else:
            tensors[key] = [_moved(one, shifts) for one in item]
    return replace(call, tensors=tensors)


def _moved(source: Source, shifts: Mapping[str, int]) -> Source:
    return source._replace(call=source.call - shifts.get(source.layer, 0))


def ordered(calls: Sequence[CallDef], inputs: set[str]) -> tuple[CallDef, ...]:
    """The calls in an order in which each comes after those whose tensors it takes; else in that of
    the file.

    A layer that is called twice is in the file once, at its first call. Raises `Unreadable` where
    there is no such order.
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
            f"`{shown(lost.layer)}` takes a tensor that nothing gives, or calls go round in a"
            " circle"
        )
    return tuple(found)

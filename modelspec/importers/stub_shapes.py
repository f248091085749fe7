"""The shapes of tensors that a file of Keras 3 contains: the type of each tensor beside its use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Sizes: TypeAlias = "tuple[int | None, ...]"

_MOST = 200_000
"""Values of a configuration that are visited."""
_LONGEST = 16
"""Axes of a tensor."""


def shape_table(value: Any) -> dict[str, tuple[tuple[Sizes, ...], Sizes]]:
    """The shapes of the inputs and of the first output of each layer that is called once, without
    the batch axis, as far as the file contains them.
    """
    outputs: dict[str, Sizes] = {}
    taken: dict[str, list[tuple[Sizes, ...]]] = {}
    for entry in _entries(value):
        calls = entry.get("inbound_nodes")
        for call in calls if isinstance(calls, list) else ():
            tensors = list(_tensors(call))
            name = entry.get("name")
            if isinstance(name, str):
                taken.setdefault(name, []).append(tuple(shape for _, shape in tensors))
            outputs.update({source: shape for source, shape in tensors if source})
    return {
        name: (calls[0], outputs[name])
        for name, calls in taken.items()
        if len(calls) == 1 and calls[0] and name in outputs
    }


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every layer with calls, in every model."""
    for one in _values(value):
        if isinstance(one, dict) and "inbound_nodes" in one:
            yield one


def _values(value: Any) -> Iterator[Any]:
    """A value and everything in it, within the budget."""
    queue, left = [value], _MOST
    while queue and left:
        one = queue.pop()
        left -= 1
        yield one
        if isinstance(one, dict):
            queue.extend(one.values())
        elif isinstance(one, list):
            queue.extend(reversed(one))


def _tensors(call: Any) -> Iterator[tuple[str, Sizes]]:
    """The tensors that a call takes: the layer of each (empty for another output than the first),
    and its shape.
    """
    for one in _values(call.get("args") if isinstance(call, dict) else None):
        if not isinstance(one, dict) or one.get("class_name") != "__keras_tensor__":
            continue
        config = one.get("config")
        shape = config.get("shape") if isinstance(config, dict) else None
        history = config.get("keras_history") if isinstance(config, dict) else None
        if not isinstance(shape, list) or not 0 < len(shape) <= _LONGEST:
            continue
        if all(size is None or type(size) is int for size in shape):
            yield _source(history), tuple(shape[1:])


def _source(history: Any) -> str:
    if isinstance(history, list) and len(history) == 3 and history[1:] == [0, 0]:
        return history[0] if isinstance(history[0], str) else ""
    return ""

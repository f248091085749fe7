"""The arguments of a layer's call: tensors and constants by the name of the argument, in flat
lists, and options.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer

from .architecture import CallDef, LayerDef, Source, Unreadable, has_sources
from .formula_constants import Numbers, array_of

_RECURRENT = (
    "LSTM",
    "GRU",
    "SimpleRNN",
    "RNN",
    "Bidirectional",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
)
"""Layers that Keras 2 calls with one list: the sequence, then the states."""

Given: TypeAlias = Source | Numbers
"""A tensor, or the numbers of one."""


class Arguments(NamedTuple):
    """What a layer is called with."""

    tensors: dict[str, Given | list[Given]]
    options: dict[str, Any]


def arguments_of(layer: LayerDef, call: CallDef) -> Arguments:
    """The arguments of a call by name. The first argument of a call with one argument has an empty
    name. Raises `Unreadable` for what a spec cannot pass to a layer.
    """
    names = _argument_names(layer.kind)
    options = {key: value for key, value in call.options.items() if value is not None}
    constants = {
        key: options.pop(key) for key in list(options) if _is_constant(key, options[key], names)
    }
    tensors = {
        key: _flat(layer, item) if isinstance(item, list) else item
        for key, item in call.tensors.items()
    }
    tensors |= {key: _numbers(value) for key, value in constants.items()}
    if list(tensors) == [""] and (isinstance(tensors[""], Source) or not _has_states(layer)):
        return Arguments(tensors, options)
    return Arguments(dict(_by_name(layer, tensors, names)), options)


def _argument_names(kind: str) -> list[str]:
    found = LAYERS.find(kind)
    if found is None or not issubclass(found, Layer):
        return ["inputs"]
    return [one.name for one in found.arguments]


def _has_states(layer: LayerDef) -> bool:
    """Whether a list as first argument is a sequence and its states."""
    return layer.kind in _RECURRENT


def _by_name(
    layer: LayerDef, tensors: Mapping[str, Any], names: list[str]
) -> Iterator[tuple[str, Any]]:
    """Tensors by the name of the argument. Positional arguments are numbered in a file, and the
    first has no name.
    """
    for key, item in tensors.items():
        position = _position(key)
        if position is None:
            yield key, item
        elif position == 0 and isinstance(item, list) and _has_states(layer):
            yield names[0], item[0]
            if item[1:]:
                yield "initial_state", item[1:]
        else:
            yield names[position] if position < len(names) else key, item


def _position(key: str) -> int | None:
    """The position of an argument without a name."""
    return int(key or 0) if not key or key.isdecimal() else None


# Nested lists and constants -----------------------------------------------------------------------


def _flat(layer: LayerDef, items: list[Any]) -> list[Given]:
    """The tensors and constants in an argument. Only models and the states of recurrent layers
    take nested lists, in the order of the flat list.
    """
    found: list[Given] = []
    for item in items:
        if isinstance(item, Source):
            found.append(item)
        elif not has_sources(item):
            found.append(_numbers(item))
        elif isinstance(item, list) and (layer.inside is not None or _has_states(layer)):
            found.extend(_flat(layer, item))
        else:
            raise Unreadable("it is called with nested lists of tensors")
    return found


def _is_constant(key: str, value: Any, names: list[str]) -> bool:
    """Whether an argument without tensors is the numbers of one."""
    position = _position(key)
    if position is not None:
        is_tensor = position < len(names) or position == 0
    else:
        is_tensor = key in names
    return is_tensor and isinstance(value, (list, dict)) and array_of(value) is not None


def _numbers(value: Any) -> Numbers:
    """The numbers of each example in a constant. Its first axis is that of the batch: only one of
    size 1 fits every batch.
    """
    found = array_of(value)
    if found is None or not isinstance(found[0], list):
        raise Unreadable("it is called with a number, which a spec cannot pass to a layer")
    if len(found) != 1:
        raise Unreadable(
            f"it is called with a constant for a batch of {len(found):,} examples, which fits no"
            " other batch"
        )
    return Numbers(json.dumps(found[0]))

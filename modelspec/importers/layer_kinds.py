"""Which layer of the language a class of a file is; classes that `keras.applications` has for
itself among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.compiler.legacy.layer_tables import KINDS, MERGE

from .architecture import LayerDef, Unreadable
from .value_forms import settings

_SAY_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "LayerNormalization": {"rms_scaling": False},
    "StringLookup": {"oov_method": "floormod"},
    "IntegerLookup": {"oov_method": "floormod"},
}
"""Settings of some versions whose value here is what the language does anyway."""


_OF_ENTRIES = ("from", "call", "when", "repeat")


def own_kind(layer: LayerDef) -> tuple[str, dict[str, Any]]:
    """The kind and the settings of a layer, as its file has them. Raises `Unreadable` for a class
    nobody else has.
    """
    found = settings(layer.config)
    odd = next((key for key in _OF_ENTRIES if key in found), None)
    if odd is not None:
        raise Unreadable(f"it has a setting `{odd}`, which no layer of Keras's has")
    found = _without(found, _SAY_NOTHING.get(layer.kind, {}))
    if layer.kind in _OF_APPLICATIONS:
        return _OF_APPLICATIONS[layer.kind](found)
    if layer.kind in _SHORTER:
        return layer.kind, _SHORTER[layer.kind](found)
    if _is_known(layer.kind):
        return layer.kind, found
    raise Unreadable(
        f"`{layer.kind[:60]}` is no layer of Keras's that a spec has",
        'write what it computes from other layers, or as a formula: `- Expression: "..."`;'
        " `--placeholder` imports the rest of the model",
    )


def _is_known(kind: str) -> bool:
    """Whether a class is a layer of the language, or was one under another name."""
    return any(kind in names for names in (LAYERS, LAYERS.aliases, KINDS, (MERGE,)))


def _without(given: dict[str, Any], nothing: Mapping[str, Any]) -> dict[str, Any]:
    """The settings but for those that are as they are here."""
    return {
        key: value for key, value in given.items() if key not in nothing or value != nothing[key]
    }


def _layer_scale(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "LayerScale", _dropped(given, "projection_dim")


def _stochastic_depth(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Whole examples are dropped, and the others made larger by as much: a `Dropout` with one draw
    for each.
    """
    rate = given.get("drop_path_rate", 0.0)
    rest = _dropped(given, "drop_path_rate")
    return "Dropout", {"rate": rate, "noise_shape": [None, 1, 1, 1], **rest}


def _one_axis(given: dict[str, Any]) -> dict[str, Any]:
    """`axis: [-1]` is -1."""
    axis = given.get("axis")
    return {**given, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else given


def _both_ways(given: dict[str, Any]) -> dict[str, Any]:
    """Without a `backward_layer` that is the forward one the other way round, as Keras makes it by
    itself.
    """
    forward, backward = (_settings_in(given.get(key)) for key in ("layer", "backward_layer"))
    if forward is None or backward is None or forward[0] != backward[0]:
        return given
    turned = {**backward[1], "go_backwards": not backward[1].get("go_backwards", False)}
    if turned != {**forward[1], "go_backwards": forward[1].get("go_backwards", False)}:
        return given
    return _dropped(given, "backward_layer")


def _dropped(given: dict[str, Any], setting: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != setting}


def _settings_in(value: Any) -> tuple[str, dict[str, Any]] | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, body),) = value.items()
    return (kind, body) if isinstance(body, dict) else None


def _heads(given: dict[str, Any]) -> dict[str, Any]:
    """Without a `value_dim` that is the `key_dim`, as it is where none is said."""
    same = given.get("value_dim") == given.get("key_dim")
    return _dropped(given, "value_dim") if same else given


def _as_far(given: dict[str, Any]) -> dict[str, Any]:
    """Without `strides` that are the `pool_size`, as they are where none are said."""
    same = "strides" in given and given["strides"] == given.get("pool_size")
    return _dropped(given, "strides") if same else given


def _looked_up(given: dict[str, Any]) -> dict[str, Any]:
    """Without the number of words that follows from the words."""
    return _dropped(given, "vocabulary_size")


_LOOKUPS = dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization"), _looked_up)
_POOLS = {f"{which}Pooling{rank}D": _as_far for which in ("Max", "Average") for rank in (1, 2, 3)}
_SHORTER = {
    "LayerNormalization": _one_axis,
    "Bidirectional": _both_ways,
    "MultiHeadAttention": _heads,
    **_POOLS,
    **_LOOKUPS,
}
_OF_APPLICATIONS = {"LayerScale": _layer_scale, "StochasticDepth": _stochastic_depth}

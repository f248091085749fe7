"""The layer of the language for each class of a file, including internal classes of
`keras.applications`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.compiler.legacy.layer_tables import KINDS, MERGE

from .architecture import LayerDef, Unreadable
from .value_forms import is_foreign, settings

_SAY_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "MultiHeadAttention": {"softmax_robust_masking": False},
    "LayerNormalization": {"rms_scaling": False},
    "StringLookup": {"oov_method": "floormod"},
    "IntegerLookup": {"oov_method": "floormod"},
    **{f"Conv{rank}DTranspose": {"groups": 1} for rank in (1, 2, 3)},
}
"""Settings of some versions with values that are the behavior of the language."""


FORMULA = (
    'replace it with other layers, or with a formula: `- Expression: "..."`;'
    " `--placeholder` imports the rest of the model, `--stubs` also writes a class to complete"
)
_OF_ENTRIES = ("from", "call", "when", "repeat")


def own_kind(layer: LayerDef) -> tuple[str, dict[str, Any]]:
    """The kind and the settings of a layer, as in its file. Raises `Unreadable` for a custom
    class.
    """
    found = settings(layer.config)
    odd = next((key for key in _OF_ENTRIES if key in found), None)
    if odd is not None:
        raise Unreadable(f"it has a setting `{odd}`, which no Keras layer has")
    found = _without(found, _SAY_NOTHING.get(layer.kind, {}))
    if layer.kind in LAYERS.added:
        return layer.kind, found
    if is_foreign(layer.module):
        known = f", not the `{layer.kind}` of Keras" if _is_known(layer.kind) else ""
        raise Unreadable(f"`{layer.kind[:60]}` is a custom class{known}", FORMULA)
    if layer.kind in _OF_APPLICATIONS:
        return _OF_APPLICATIONS[layer.kind](found)
    if layer.kind in _SHORTER:
        return layer.kind, _SHORTER[layer.kind](found)
    if _is_known(layer.kind):
        return layer.kind, found
    raise Unreadable(
        f"a spec has no layer `{layer.kind[:60]}`",
        FORMULA,
    )


def is_custom(layer: LayerDef) -> bool:
    """Whether a layer is of a class that neither Keras nor a plugin in use has."""
    if layer.kind in LAYERS.added or layer.kind == "CustomScaleLayer":  # of InceptionResNetV2
        return False
    is_ours = _is_known(layer.kind) or layer.kind in _OF_APPLICATIONS
    return is_foreign(layer.module) or not is_ours


def _is_known(kind: str) -> bool:
    """Whether a class is a layer of the language, or was one under another name."""
    return any(kind in names for names in (LAYERS, LAYERS.aliases, KINDS, (MERGE,)))


def _without(given: dict[str, Any], nothing: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those with these values."""
    return {
        key: value for key, value in given.items() if key not in nothing or value != nothing[key]
    }


def _layer_scale(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "LayerScale", _dropped(given, "projection_dim")


def _stochastic_depth(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Whole examples are dropped, and the others scaled up: a `Dropout` with one random value per
    example.
    """
    rate = given.get("drop_path_rate", 0.0)
    rest = _dropped(given, "drop_path_rate")
    return "Dropout", {"rate": rate, "noise_shape": [None, 1, 1, 1], **rest}


def _one_axis(given: dict[str, Any]) -> dict[str, Any]:
    """`axis: [-1]` is -1."""
    axis = given.get("axis")
    return {**given, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else given


def _both_ways(given: dict[str, Any]) -> dict[str, Any]:
    """Without a `backward_layer` that is the reversed forward layer, which is Keras's default; with
    one if the forward layer goes backwards, as its copy then goes forwards only before Keras 3.
    """
    forward, backward = (_settings_in(given.get(key)) for key in ("layer", "backward_layer"))
    if forward is not None and forward[1].get("go_backwards") is True and backward is None:
        return {**given, "backward_layer": {forward[0]: _dropped(forward[1], "go_backwards")}}
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
    """Without a `value_dim` that equals `key_dim`, which is the default."""
    same = given.get("value_dim") == given.get("key_dim")
    return _dropped(given, "value_dim") if same else given


def _as_far(given: dict[str, Any]) -> dict[str, Any]:
    """Without `strides` that equal `pool_size`, which is the default."""
    same = "strides" in given and given["strides"] == given.get("pool_size")
    return _dropped(given, "strides") if same else given


def _with_ranges(given: dict[str, Any]) -> dict[str, Any]:
    """Without the number of bins, if the bin boundaries are set."""
    return _dropped(given, "num_bins") if given.get("bin_boundaries") else given


def _looked_up(given: dict[str, Any]) -> dict[str, Any]:
    """Without the number of words, which follows from the vocabulary."""
    return _dropped(given, "vocabulary_size")


def _numbers(given: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a `Constant`. Raises `Unreadable` for one that keeps them in its weights."""
    if given.get("value") is None:
        raise Unreadable(
            "its numbers are among the weights of the file, not in its configuration",
            "save them with `numpy.save`, and write `Constant: {file: numbers.npy}`",
        )
    rest = {name: one for name, one in given.items() if name not in ("shape", "numbers", "dtype")}
    numbers = given.get("numbers", "")
    if "float" in numbers:
        return {**rest, "value": _floats(given["value"]), "dtype": given.get("dtype", numbers)}
    return rest if numbers in ("int32", "bool") else {**rest, "dtype": numbers}


def _floats(value: Any) -> Any:
    return [_floats(one) for one in value] if isinstance(value, list) else float(value)


def takes_no_tensor(layer: LayerDef) -> bool:
    """Whether a layer is a tensor without an input."""
    found = None if is_foreign(layer.module) else LAYERS.find(layer.kind)
    return bool(getattr(found, "takes_no_tensor", False))


_LOOKUPS = dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization"), _looked_up)
_POOLS = {f"{which}Pooling{rank}D": _as_far for which in ("Max", "Average") for rank in (1, 2, 3)}
_SHORTER = {
    "BatchNormalization": _one_axis,
    "BatchNormalizationV1": _one_axis,
    "BatchNormalizationV2": _one_axis,
    "LayerNormalization": _one_axis,
    "Normalization": _one_axis,
    "Discretization": _with_ranges,
    "Bidirectional": _both_ways,
    "Constant": _numbers,
    "MultiHeadAttention": _heads,
    **_POOLS,
    **_LOOKUPS,
}
_OF_APPLICATIONS = {"LayerScale": _layer_scale, "StochasticDepth": _stochastic_depth}

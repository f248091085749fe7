"""The calls of layers in the JSON of Keras 2 and 3: the tensors and options of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelspec.catalog.layers import LAYERS

from .architecture import CallDef, LayerDef, Source, Unreadable, has_sources

_IN_TRAINING = ("augmentation", "image")
"""Families whose `call` has `training=True`; for all others the default is false."""
_NO_DEFAULT = (
    "BatchNormalization",
    "Bidirectional",
    "GroupQueryAttention",
    "MultiHeadAttention",
    "TimeDistributed",
)
"""Layers whose `call` has no default for `training`."""
_CONSTANT = "_CONSTANT_VALUE"
"""What tf.keras 2 writes in place of a layer for a number among the tensors."""


def call_of(layer: LayerDef, number: int, node: Any) -> CallDef:
    if isinstance(node, dict):
        return _call_3(layer, number, node)
    return _call_2(layer, number, list_of(node, "a call"))


def _call_3(layer: LayerDef, number: int, node: Mapping[str, Any]) -> CallDef:
    tensors: dict[str, Any] = {}
    options: dict[str, Any] = {}
    arguments = {
        str(index or ""): value for index, value in enumerate(list_of(node.get("args"), "args"))
    }
    for name, value in {**arguments, **mapping_of(node.get("kwargs"), "kwargs")}.items():
        found = _tensors(_in_order(value, layer))
        if has_sources(found):
            tensors[name] = found
        elif not _is_nothing(value) and not (name == "training" and _is_usual(layer.kind, value)):
            options[name] = value
    given = list(_keras_tensors([node.get("args"), node.get("kwargs")]))
    dtypes = tuple(str(one.get("dtype")) for one in given if one.get("dtype") is not None)
    ranks = tuple(map(_rank, _keras_tensors(node.get("args"))))
    return CallDef(layer.name, number, tensors, options, ranks, dtypes)


def _is_usual(kind: str, training: Any) -> bool:
    """Whether `training` is the value that Keras 3 writes for a call without it: the default of the
    class's `call`.
    """
    found = LAYERS.find(kind)
    if found is None or kind in _NO_DEFAULT:
        return training is None
    return training is found.__module__.rpartition(".")[2].startswith(_IN_TRAINING)


def _in_order(value: Any, layer: LayerDef) -> Any:
    """A mapping of tensors in the order of the inputs of the model that is called."""
    keys = layer.inside.input_keys if layer.inside is not None else ()
    same = isinstance(value, dict) and len(keys) == len(value) and set(keys) == set(value)
    return [value[key] for key in keys] if same else value


def _is_nothing(value: Any) -> bool:
    """None, and its form for several tensors: the masks of tensors without a mask."""
    if isinstance(value, (list, dict)):
        items = list(value.values()) if isinstance(value, dict) else value
        return bool(items) and all(map(_is_nothing, items))
    return value is None


def _keras_tensors(value: Any) -> Iterator[Mapping[str, Any]]:
    """The properties that some arguments contain for each tensor."""
    if isinstance(value, list):
        for item in value:
            yield from _keras_tensors(item)
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield mapping_of(value.get("config"), "a tensor")
    elif isinstance(value, dict) and "class_name" not in value:
        yield from _keras_tensors(list(value.values()))


def _rank(tensor: Mapping[str, Any]) -> int:
    """The number of axes of a tensor."""
    shape = tensor.get("shape")
    return len(shape) if isinstance(shape, list) else 0


def _tensors(value: Any) -> Any:
    """An argument with its tensors, and lists in place of tuples and of mappings of tensors."""
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if kind == "__keras_tensor__":
        return source_of(mapping_of(value.get("config"), "a tensor").get("keras_history"))
    if kind == "__tuple__" and has_sources(items := _tensors(value.get("items"))):
        return items
    if kind is None and has_sources(items := [_tensors(item) for item in value.values()]):
        return items  # a mapping of tensors, to a model's inputs
    return value


def _call_2(layer: LayerDef, number: int, node: list[Any]) -> CallDef:
    arguments: dict[str, Any] = {}
    first = _first(node, arguments)
    is_in_list = bool(node) and not isinstance(node[0], str)
    if is_in_list and isinstance(first, list) and len(first) == 1:
        first = first[0]
    tensors: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, value in (("", first), *arguments.items()):
        if has_sources(value):
            tensors[name] = value
        elif name == "mask" and _is_nothing(value):
            continue
        elif name or value != []:
            options[name] = value
    return CallDef(layer.name, number, tensors, {k: v for k, v in options.items() if v is not None})


def _first(value: Any, arguments: dict[str, Any]) -> Any:
    """The first argument of a call, with lists as in the file. Each of its tensors and numbers
    repeats the other arguments, which are added to `arguments`.
    """
    if not isinstance(value, list):
        return value
    if not value or not isinstance(value[0], str):
        return [_first(one, arguments) for one in value]
    if len(value) > 3:
        for name, one in mapping_of(value[3], "arguments").items():
            arguments[name] = _argument(one)
    return value[2] if value[0] == _CONSTANT and len(value) > 2 else source_of(value)


def _argument(value: Any) -> Any:
    """An argument, in which `[layer, call, output]` is a tensor."""
    if _names_tensor(value):
        return source_of(value)
    if isinstance(value, list):
        return [_argument(one) for one in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _argument(one) for key, one in value.items()}
    return value


def _names_tensor(value: Any) -> bool:
    """Whether an argument starts like `[layer, call, output]`."""
    if not isinstance(value, list) or len(value) < 3:
        return False
    return isinstance(value[0], str) and isinstance(value[1], int)


def source_of(value: Any) -> Source:
    if isinstance(value, list) and len(value) >= 3:
        layer, call, output = value[:3]
        if isinstance(layer, str) and _is_count(call) and _is_count(output):
            return Source(layer, call, output)
    raise Unreadable(f"a tensor must be written as `[layer, call, output]`, found {shown(value)}")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def shown(text: Any) -> str:
    shown = str(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def list_of(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{what} must be a list, found {shown(value)}")
    return value


def mapping_of(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{what} must be a mapping, found {shown(value)}")
    return value

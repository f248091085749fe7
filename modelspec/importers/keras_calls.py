"""The calls of layers in the JSON of Keras 2 and 3: which tensors and options each takes, and which
call is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelspec.catalog.layers import LAYERS

from .architecture import CallDef, LayerDef, Source, Unreadable

_IN_TRAINING = ("augmentation", "image")
"""Families whose `call` has `training=True`; every other one's is false."""
_NO_DEFAULT = (
    "BatchNormalization",
    "Bidirectional",
    "GroupQueryAttention",
    "MultiHeadAttention",
    "TimeDistributed",
)
"""Layers whose `call` has no default for `training`."""


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
        if found is not None:
            tensors[name] = found
        elif not _is_nothing(value) and not (name == "training" and _is_usual(layer.kind, value)):
            options[name] = value
    return CallDef(layer.name, number, tensors, options, tuple(_ranks(node.get("args"))))


def _is_usual(kind: str, training: Any) -> bool:
    """Whether `training` is what Keras 3 writes for a call that does not say it: the default of the
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
    """None, and what Keras makes of it for several tensors: the masks of tensors that have none."""
    items = (
        value
        if isinstance(value, list)
        else list(value.values())
        if isinstance(value, dict)
        else []
    )
    return value is None or (bool(items) and all(map(_is_nothing, items)))


def _ranks(value: Any) -> Iterator[int]:
    """The number of axes of each tensor in some arguments."""
    if isinstance(value, list):
        for item in value:
            yield from _ranks(item)
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        shape = mapping_of(value.get("config"), "a tensor").get("shape")
        yield len(shape) if isinstance(shape, list) else 0


def _tensors(value: Any) -> Source | list[Source] | None:
    """The tensors of an argument; None where it is none."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return source_of(mapping_of(value.get("config"), "a tensor").get("keras_history"))
    if isinstance(value, list) and value:
        found = [_tensors(item) for item in value]
        flat = [one for one in found if isinstance(one, Source)]
        return flat if len(flat) == len(value) else None
    if (
        isinstance(value, dict) and value and "class_name" not in value
    ):  # a mapping of tensors, to a model's inputs
        return _tensors(list(value.values()))
    return None


def _call_2(layer: LayerDef, number: int, node: list[Any]) -> CallDef:
    sources: list[Source] = []
    tensors: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if node and isinstance(node[0], str):  # one tensor without the list around it
        node = [node]
    for item in node:
        if isinstance(item, list) and len(item) == 4 and item[0] == "_CONSTANT_VALUE":
            options[""] = item[2]  # tf.keras 2: a number in place of the first tensor
        else:
            sources.append(source_of(item))
        for name, value in (mapping_of(item[3], "arguments") if len(item) > 3 else {}).items():
            if (
                isinstance(value, list)
                and len(value) >= 3
                and isinstance(value[0], str)
                and isinstance(value[1], int)
            ):
                tensors[name] = source_of(value)
            elif value is not None:
                options[name] = value
    if sources:
        tensors = {"": sources[0] if len(sources) == 1 else sources, **tensors}
    return CallDef(layer.name, number, tensors, options)


def renumbered(
    calls: Sequence[CallDef], ends: Sequence[Source], layers: Mapping[str, LayerDef]
) -> tuple[list[CallDef], list[Source]]:
    """Calls and outputs with the calls of each inner model counted from 0.

    A model has a call of its own before anybody calls it, and versions differ in whether a file
    counts it: Keras 2 does, Keras 3 does where outputs name it and does not where calls do. Every
    call in a file is taken by something, so that way of counting is right under which all of them
    are.
    """
    shifts: dict[str, tuple[int, int]] = {}
    for name, layer in layers.items():
        if layer.inside is None:
            continue
        count = sum(call.layer == name for call in calls)
        taken = {source.call for call in calls for source in call.sources() if source.layer == name}
        given = {source.call for source in ends if source.layer == name}
        ways = ((0, 1), (1, 1), (0, 0)) if layer.kind != "Sequential" else ((0, 0), (1, 1), (0, 1))
        for way in ways:
            if {one - way[0] for one in taken} | {one - way[1] for one in given} == set(
                range(count)
            ):
                shifts[name] = way
                break

    def moved(source: Source, which: int) -> Source:
        shift = shifts.get(source.layer, (0, 0))[which]
        return source._replace(call=source.call - shift) if shift else source

    if not any(map(any, shifts.values())):
        return list(calls), list(ends)
    return (
        [
            replace(
                call,
                tensors={
                    key: (
                        moved(item, 0)
                        if isinstance(item, Source)
                        else [moved(one, 0) for one in item]
                    )
                    for key, item in call.tensors.items()
                },
            )
            for call in calls
        ],
        [moved(one, 1) for one in ends],
    )


def source_of(value: Any) -> Source:
    if (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(
            isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value[1:3]
        )
    ):
        return Source(value[0], value[1], value[2])
    raise Unreadable(f"a tensor is written as `[layer, call, output]`, found {shown(value)}")


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

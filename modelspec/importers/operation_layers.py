"""Operations that become layers, as no formula computes them or a layer is shorter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .architecture import Source, Unreadable
from .operation_steps import FORMULA_HELP, Step, wholes

_FORMATS = {
    "NWC": "channels_last",
    "NHWC": "channels_last",
    "NDHWC": "channels_last",
    "NCW": "channels_first",
    "NCHW": "channels_first",
    "NCDHW": "channels_first",
}


class AsLayer(NamedTuple):
    """A layer that computes an operation."""

    kind: str
    settings: Mapping[str, Any]
    sources: Sequence[Source]


def layer_of(step: Any, ranks: Sequence[int] = ()) -> AsLayer | None:
    """The layer for a step on tensors with these numbers of axes, if known; None for one that
    becomes a formula. Raises `Unreadable` for settings that the layer does not have.
    """
    if isinstance(step, Source):
        return AsLayer("Identity", {}, (step,))
    found = _LAYERS.get(step.kind) if isinstance(step, Step) else None
    if found is None or not isinstance(step.arguments.get(""), Source):
        return None
    axes = {"axes": ranks[0]} if ranks else {}
    return found(step.arguments[""], {**step.arguments, **axes})


def _reshaped(x: Source, given: Mapping[str, Any]) -> AsLayer | None:
    """A `Reshape` for sizes of which several are unknown; the first is that of the batch."""
    sizes = given.get("newshape")
    if not isinstance(sizes, list) or not sizes or sizes[0] is not None:
        return None
    if sizes.count(-1) > 1:
        raise Unreadable("it reshapes to several sizes that are unknown", FORMULA_HELP)
    return AsLayer("Reshape", {"target_shape": sizes[1:]}, (x,))


def _pooled(x: Source, given: Mapping[str, Any]) -> AsLayer:
    window = _inner(given["size"], "window")
    strides = window if given.get("strides") is None else _inner(given["strides"], "strides")
    rank = given.get("rank") or (given["axes"] - 2 if "axes" in given else len(window))
    layout = given.get("data_format") or _FORMATS["NHWC"]
    settings: dict[str, Any] = {
        "pool_size": _one(window, rank),
        "strides": _one(strides, rank),
        "padding": str(given.get("padding", "valid")).lower(),
    }
    if _FORMATS.get(layout, layout) != "channels_last":
        settings["data_format"] = "channels_first"
    return AsLayer(f"{given['way']}Pooling{rank}D", settings, (x,))


def _inner(value: Any, what: str) -> list[int]:
    """The numbers of the inner axes, from a list with or without the others."""
    items = wholes(value, what)
    if len(items) > 3:  # batch and channels too
        if items[0] != 1 or items[-1] != 1:
            raise Unreadable(f"its {what} covers examples or channels", FORMULA_HELP)
        return items[1:-1]
    return items


def _one(sizes: list[int], rank: int) -> Any:
    """A number for all axes, or a list."""
    if len(sizes) == 1:
        return sizes[0]
    if len(sizes) != rank:
        raise Unreadable("its window has another number of axes than its tensor", FORMULA_HELP)
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _flattened(x: Source, given: Mapping[str, Any]) -> AsLayer:
    return AsLayer("Flatten", {}, (x,))


_LAYERS: Mapping[str, Callable[[Source, Mapping[str, Any]], AsLayer | None]] = {
    "FlattenedBatch": _flattened,
    "Pooled": _pooled,
    "Reshape": _reshaped,
}

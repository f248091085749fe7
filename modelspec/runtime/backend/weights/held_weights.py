"""The owners of weights in a model, and whether the arrays of a file have the right shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import keras

from modelspec.core.diagnostics import listed
from modelspec.core.registry import snake_case

from ..hdf5.entry import Entry
from ..inner_names import spec_name


@dataclass(frozen=True)
class Given:
    """The arrays of a file for one owner of weights. If `problem` is set, they do not fit the
    model.
    """

    owner: Any
    """A layer, or an object in it that has its own weights."""
    path: str
    """The path of the layer: `encoder/dense_1`."""
    weights: Mapping[str, tuple[Any, Entry]] = field(default_factory=dict)
    """Variables and their arrays, by the key in the owner."""
    problem: str | None = None
    tensor: str | None = None
    """The name of the tensor in the file, if the spec sets it for this weight."""


def full_names(model: Any) -> dict[int, tuple[str, ...]]:
    """The names of each weight in a file of named tensors, by identity: with the sub-models around
    its layer, and without them if no other weight has that name.
    """
    found: dict[int, str] = {}
    short: dict[int, str] = {}
    for path, _, kept in holders(model, ""):
        for weight in kept.values():
            short[id(weight)] = name = spec_name(weight.path)
            rest = name.partition("/")[2]
            found[id(weight)] = f"{path}/{rest}" if path and rest else name
    counts = Counter(short.values())
    return {
        one: (name, short[one]) if counts[short[one]] == 1 else (name,)
        for one, name in found.items()
    }


def stored_names(model: Any) -> dict[int, str]:
    """The name of each weight in a file that is written, by identity: the shortest one."""
    names = full_names(model)
    return {
        id(weight): names[id(weight)][-1] if id(weight) in names else spec_name(weight.path)
        for weight in model.weights
    }


def holders(owner: Any, path: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every object in a model that has its own weights, once, with the path of its layer."""
    seen: set[int] = set()

    def visit(one: Any, path: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
        if id(one) in seen:
            return
        seen.add(id(one))
        if kept := kept_by(one):
            yield path, one, kept
        for _, inner in parts_of(one):
            yield from visit(inner, path_below(path, one, inner))

    yield from visit(owner, path)


def path_below(path: str, owner: Any, inner: Any) -> str:
    """The path of a layer inside a model; objects inside a layer have the path of that layer."""
    if not isinstance(owner, keras.Model):
        return path
    name = spec_name(inner.name)
    return f"{path}/{name}" if path else name


def kept_by(owner: Any) -> dict[str, Any]:
    """The variables that a layer saves, by key."""
    kept: dict[str, Any] = {}
    if getattr(owner, "built", True):
        with _without_adapters(owner):
            owner.save_own_variables(kept)
    return {key: value for key, value in kept.items() if hasattr(value, "shape")}


@contextmanager
def _without_adapters(owner: Any) -> Iterator[None]:
    """Keras saves the sum of a kernel and its low-rank adapters: a file sets the kernel alone."""
    enabled = getattr(owner, "lora_enabled", False)
    if enabled:
        owner.lora_enabled = False
    try:
        yield
    finally:
        if enabled:
            owner.lora_enabled = True


def compared(
    owner: Any, path: str, weights: Mapping[str, tuple[Any, Entry | None]], where: str | None
) -> Given:
    """The weights of one owner, or why the arrays in the file do not fit."""
    full = {key: (weight, entry) for key, (weight, entry) in weights.items() if entry is not None}
    missing = [name_of(weight) for key, (weight, _) in weights.items() if key not in full]
    if missing:
        return Given(owner, path, problem=f"the file does not contain its {listed(missing)}")
    wrong = [
        f"`{name_of(weight)}` is {_shape(entry.shape)} in the file and {_shape(weight.shape)} in"
        " the model"
        for weight, entry in full.values()
        if entry.shape != tuple(weight.shape)
    ]
    if wrong:
        place = f" (`{where}`)" if where else ""
        return Given(owner, path, problem=f"{' and '.join(wrong)}{place}")
    return Given(owner, path, full)


def name_of(weight: Any) -> str:
    return spec_name(weight.path).rpartition("/")[2]


def _shape(shape: Iterable[int | None]) -> str:
    return f"({', '.join(str(size) for size in shape)})"


# Objects in a layer -------------------------------------------------------------------------------


@cache
def _of_every_layer() -> frozenset[str]:
    """Attributes that every layer has: Keras skips them when it looks for the objects in a
    layer.
    """
    return frozenset({*dir(keras.layers.Layer()), "_self_unconditional_dependency_names"})


def parts_of(owner: Any) -> Iterator[tuple[str, Any]]:
    """The saved objects inside a saved object, with their groups, in the order in which Keras saves
    them.
    """
    if isinstance(owner, keras.Model):  # all weights of a functional model belong to its layers
        yield from _counted("layers", owner.layers)
        return
    for name, value in _attributes(owner):
        if isinstance(value, keras.layers.Layer):
            yield name, value
        elif isinstance(value, dict):
            yield from _counted(name, value.values())
        elif isinstance(value, (list, tuple)):
            yield from _counted(name, value)


def _attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that may contain other layers; those that begin with `_` come last."""
    names = set(dir(owner)) - _of_every_layer()
    for name in sorted(names, key=lambda name: (name.startswith("_"), name)):
        if name.startswith("__"):
            continue
        try:
            value = getattr(owner, name)
        # A property that fails now: whatever it raises, it is not a layer.
        except Exception:  # noqa: BLE001, S112
            continue
        yield name, value


def _counted(group: str, items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Layers in a list, by their class and their number among the layers of that class."""
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, keras.layers.Layer):
            kind = snake_case(type(item).__name__)
            count = counts[kind] = counts.get(kind, -1) + 1
            yield f"{group}/{kind}_{count}" if count else f"{group}/{kind}", item

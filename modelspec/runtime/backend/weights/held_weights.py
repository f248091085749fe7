"""What holds weights in a model, and whether the arrays of a file are of their shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import keras

from modelspec.core.diagnostics import listed
from modelspec.core.registry import snake_case

from ..inner_names import spec_name
from .entry import Entry


@dataclass(frozen=True)
class Given:
    """What a file has for one thing that holds weights. Where `problem` is set, it is not what the
    model needs.
    """

    owner: Any
    """A layer, or whatever in it holds weights of its own."""
    path: str
    """The layer by names: `encoder/dense_1`."""
    weights: Mapping[str, tuple[Any, Entry]] = field(default_factory=dict)
    """The variable and its array, by the key that the owner keeps it under."""
    problem: str | None = None


def holders(owner: Any, path: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Everything in a model that holds weights of its own, once, with the names of the layers that
    lead to it.
    """
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
    """The path of a layer inside a model; what is inside a layer goes by that layer's name."""
    if not isinstance(owner, keras.Model):
        return path
    name = spec_name(inner.name)
    return f"{path}/{name}" if path else name


def kept_by(owner: Any) -> dict[str, Any]:
    """The variables that a layer saves, under its own keys."""
    kept: dict[str, Any] = {}
    if getattr(owner, "built", True):
        owner.save_own_variables(kept)
    return {key: value for key, value in kept.items() if hasattr(value, "shape")}


def compared(
    owner: Any, path: str, weights: Mapping[str, tuple[Any, Entry | None]], where: str | None
) -> Given:
    """The weights of one owner, or what is wrong with what the file has for it."""
    full = {key: (weight, entry) for key, (weight, entry) in weights.items() if entry is not None}
    missing = [name_of(weight) for key, (weight, _) in weights.items() if key not in full]
    if missing:
        return Given(owner, path, problem=f"the file has no {listed(missing)} for it")
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


# What is in a layer -------------------------------------------------------------------------------


@cache
def _of_every_layer() -> frozenset[str]:
    """Attributes that any layer has: what Keras passes over when it looks for what a layer
    holds.
    """
    return frozenset({*dir(keras.layers.Layer()), "_self_unconditional_dependency_names"})


def parts_of(owner: Any) -> Iterator[tuple[str, Any]]:
    """What a thing that is saved holds, with the group that Keras saves it in, in the order in
    which it does.
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
    """The attributes in which a layer may hold others, those that begin with `_` at the end."""
    names = set(dir(owner)) - _of_every_layer()
    for name in sorted(names, key=lambda name: (name.startswith("_"), name)):
        if name.startswith("__"):
            continue
        try:
            value = getattr(owner, name)
        # A property that does not hold now: whatever it raises, it is no layer.
        except Exception:  # noqa: BLE001, S112
            continue
        yield name, value


def _counted(group: str, items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Layers in a list, by their class and how many of it came before."""
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, keras.layers.Layer):
            kind = snake_case(type(item).__name__)
            count = counts[kind] = counts.get(kind, -1) + 1
            yield f"{group}/{kind}_{count}" if count else f"{group}/{kind}", item

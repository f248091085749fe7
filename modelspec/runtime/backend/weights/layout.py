"""Which array of a file is which weight of a model, by the rules with which Keras wrote the file.

Keras 3 (`.weights.h5`, `.keras`): a layer is a group named after its class and counted
(`layers/dense_1`), what it holds is in groups named after its attributes (`forward_layer/cell`),
its arrays in `vars/0`, `vars/1`, ... Keras 2 (`.h5`): layers and their arrays are lists of names in
attributes; the n-th belongs to the n-th with weights. safetensors: by the path of a weight
(`dense_1/kernel`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import keras

from modelspec.compiler.spec.initial_weights import covers
from modelspec.core.diagnostics import listed
from modelspec.core.registry import snake_case

from .entry import Entry
from .hdf5_process import Tree

_OLD_ROOT = "_layer_checkpoint_dependencies"
"""What TensorFlow 2.13 called `layers`."""


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


@dataclass(frozen=True)
class Wanted:
    """What is to be loaded."""

    skip: tuple[str, ...] = ()
    by_name: bool = False
    of_library: bool = False
    """Whether the file is Keras's own for a model of the library, which may be cut short: its
    layers are found by their names where the file has all of them, by their order otherwise.
    """


def matched(file: Tree | dict[str, Entry], model: keras.Model, wanted: Wanted) -> list[Given]:
    """What the file has for every part of the model that holds weights, less what is skipped."""
    if isinstance(file, dict):
        found = list(_by_path(file, model))
    elif file.names("layers") or file.names(_OLD_ROOT) or file.names("vars"):
        found = list(_Keras3(file, wanted.by_name).visit(model))
    else:
        found = list(_by_order(file, model, wanted))
    return [given for given in found if not covers(wanted.skip, given.path)]


# safetensors --------------------------------------------------------------------------------------


def _by_path(file: Mapping[str, Entry], model: keras.Model) -> Iterator[Given]:
    for path, owner, kept in _holders(model, ""):
        yield _compared(
            owner,
            path,
            {key: (weight, file.get(weight.path)) for key, weight in kept.items()},
            None,
        )


def _holders(owner: Any, path: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
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
        for _, inner in _parts(one):
            yield from visit(inner, _below(path, one, inner))

    yield from visit(owner, path)


def _below(path: str, owner: Any, inner: Any) -> str:
    """The path of a layer inside a model; what is inside a layer goes by that layer's name."""
    if not isinstance(owner, keras.Model):
        return path
    return f"{path}/{inner.name}" if path else str(inner.name)


def kept_by(owner: Any) -> dict[str, Any]:
    """The variables that a layer saves, under its own keys."""
    kept: dict[str, Any] = {}
    if getattr(owner, "built", True):
        owner.save_own_variables(kept)
    return {key: value for key, value in kept.items() if hasattr(value, "shape")}


def _compared(
    owner: Any, path: str, weights: Mapping[str, tuple[Any, Entry | None]], where: str | None
) -> Given:
    """The weights of one owner, or what is wrong with what the file has for it."""
    missing = [_name(weight) for weight, entry in weights.values() if entry is None]
    if missing:
        return Given(owner, path, problem=f"the file has no {listed(missing)} for it")
    full = {key: (weight, entry) for key, (weight, entry) in weights.items() if entry is not None}
    wrong = [
        f"`{_name(weight)}` is {_shape(entry.shape)} in the file and {_shape(weight.shape)} in the"
        " model"
        for weight, entry in full.values()
        if entry.shape != tuple(weight.shape)
    ]
    if wrong:
        place = f" (`{where}`)" if where else ""
        return Given(owner, path, problem=f"{' and '.join(wrong)}{place}")
    return Given(owner, path, full)


def _name(weight: Any) -> str:
    return str(weight.path).rpartition("/")[2]


def _shape(shape: Iterable[int | None]) -> str:
    return f"({', '.join(str(size) for size in shape)})"


# Keras 3 ------------------------------------------------------------------------------------------


@cache
def _of_every_layer() -> frozenset[str]:
    """Attributes that any layer has: what Keras passes over when it looks for what a layer
    holds.
    """
    return frozenset({*dir(keras.layers.Layer()), "_self_unconditional_dependency_names"})


def _parts(owner: Any) -> Iterator[tuple[str, Any]]:
    """What a thing that is saved holds, with the group that Keras saves it in, in the order in
    which it does.
    """
    if isinstance(owner, keras.Model):  # all weights of a functional model belong to its layers
        yield from _counted("layers", owner.layers)
        return
    for name in sorted(
        set(dir(owner)) - _of_every_layer(), key=lambda name: f"~{name}" if name[0] == "_" else name
    ):
        if name.startswith("__"):
            continue
        try:
            value = getattr(owner, name)
        except Exception:  # noqa: BLE001, S112  # a property that does not hold now; whatever it raises, it is no layer
            continue
        if isinstance(value, keras.layers.Layer):
            yield name, value
        elif isinstance(value, (list, tuple, dict)):
            yield from _counted(name, value.values() if isinstance(value, dict) else value)


def _counted(group: str, items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Layers in a list, by their class and how many of it came before."""
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, keras.layers.Layer):
            kind = snake_case(type(item).__name__)
            count = counts[kind] = counts.get(kind, -1) + 1
            yield f"{group}/{kind}_{count}" if count else f"{group}/{kind}", item


class _Keras3:
    """Walks a model as Keras does when it saves it, and finds the groups."""

    def __init__(self, tree: Tree, by_name: bool) -> None:
        self.tree = tree
        self.by_name = by_name
        self._seen: set[int] = set()

    def visit(self, owner: Any, place: str = "", path: str = "") -> Iterator[Given]:
        if id(owner) in self._seen:
            return
        self._seen.add(id(owner))
        kept = kept_by(owner)
        if kept:
            yield self._given(owner, place, path, kept)
        for group, inner in _parts(owner):
            if (
                found := self._place(place, group, inner, top=isinstance(owner, keras.Model))
            ) is not None:
                yield from self.visit(inner, found, _below(path, owner, inner))

    def _place(self, place: str, group: str, inner: Any, *, top: bool) -> str | None:
        """The group of a layer; None where it is looked for by name, and the file has none of
        it.
        """
        exact = f"{place}/{group}" if place else group
        if self.by_name and top:
            return self._named(exact.rpartition("/")[0], inner.name)
        for candidate in (exact, exact.replace("layers", _OLD_ROOT), *_other_kinds(exact)):
            if self.tree.has(candidate):
                return candidate
        return exact

    def _named(self, parent: str, name: str) -> str | None:
        for member in self.tree.names(parent):
            if self.tree.text(f"{parent}/{member}/vars", "name") == name:
                return f"{parent}/{member}"
        return None

    def _given(self, owner: Any, place: str, path: str, kept: Mapping[str, Any]) -> Given:
        group = f"{place}/vars" if place else "vars"
        names = self.tree.names(group)
        if not names:
            return Given(owner, path, problem=f"the file has nothing for it (no `{place}`)")
        if len(names) != len(kept):
            return Given(
                owner,
                path,
                problem=(
                    f"the file has {len(names)} weights for it (`{place}`), and the model "
                    f"{len(kept)}"
                ),
            )
        entries = {key: (weight, self.tree.entry(f"{group}/{key}")) for key, weight in kept.items()}
        return _compared(owner, path, entries, place)


def of_layer(tree: Tree, layer: Any, group: str, name: str, path: str) -> Iterator[Given]:
    """What the file has for one layer, saved in `group` by Keras 3 or as `name` by Keras 1 and 2.
    `path` is shown.
    """
    if not (tree.names("layers") or tree.names(_OLD_ROOT)):
        root = "" if tree.texts("", "layer_names") is not None else "model_weights"
        yield replace(_in_order(layer, name, _saved(tree, root, name)), path=path)
        return
    for place in (group, group.replace("layers/", f"{_OLD_ROOT}/", 1), *_other_kinds(group)):
        if tree.has(place):
            group = place
            break
    yield from (replace(one, path=path) for one in _Keras3(tree, False).visit(layer, group, path))


def _other_kinds(place: str) -> Iterator[str]:
    """A sub-model that was saved as the other kind of model: both hold the same layers in the same
    order.
    """
    parent, _, name = place.rpartition("/")
    for one, other in (("functional", "sequential"), ("sequential", "functional")):
        if name == one or name.startswith(f"{one}_"):
            yield f"{parent}/{other}{name.removeprefix(one)}"


# Keras 2 ------------------------------------------------------------------------------------------


def _by_order(tree: Tree, model: keras.Model, wanted: Wanted) -> Iterator[Given]:
    root = "" if tree.texts("", "layer_names") is not None else "model_weights"
    saved = [(name, _saved(tree, root, name)) for name in tree.texts(root, "layer_names") or ()]
    saved = [(name, entries) for name, entries in saved if entries]
    layers = [layer for layer in model.layers if layer.weights]
    if wanted.of_library:
        wanted, saved = _of_library(wanted, saved, layers)
    if wanted.by_name:
        named = dict(saved)
        pairs = [(layer, layer.name, named[layer.name]) for layer in layers if layer.name in named]
    elif len(saved) != len(layers := _paired(layers, len(saved), wanted.skip)):
        yield Given(
            model,
            "",
            problem=f"the file has {len(saved)} layers with weights, and the model {len(layers)}",
        )
        return
    else:
        pairs = [
            (layer, name, entries) for layer, (name, entries) in zip(layers, saved, strict=True)
        ]
    for layer, name, entries in pairs:
        yield _in_order(layer, name, entries, skip=wanted.skip)
    top = _saved(tree, root, "top_level_model_weights")
    if top and (own := kept_by(model)):
        yield _in_order(model, "the model itself", top, list(own.values()))


def _of_library(
    wanted: Wanted, saved: list[tuple[str, list[Entry]]], layers: list[Any]
) -> tuple[Wanted, list[tuple[str, list[Entry]]]]:
    """By name where the file has every layer. Some of Keras's files count layers from another
    number than 0: then the order holds, in which the layers of a model that is cut short come
    first.
    """
    if {layer.name for layer in layers} <= {name for name, _ in saved}:
        return replace(wanted, by_name=True), saved
    return wanted, saved[: len(layers)]


def _paired(layers: list[Any], count: int, skip: tuple[str, ...]) -> list[Any]:
    """The layers that a file of so many layers stands for: all of them, or all but those that are
    skipped.
    """
    return (
        layers
        if len(layers) == count
        else [layer for layer in layers if not covers(skip, layer.name)]
    )


def _saved(tree: Tree, root: str, layer: str) -> list[Entry]:
    place = f"{root}/{layer}" if root else layer
    names = tree.texts(place, "weight_names") or ()
    return [entry for name in names if (entry := tree.entry(f"{place}/{name}")) is not None]


def _in_order(
    layer: Any,
    name: str,
    entries: list[Entry],
    weights: list[Any] | None = None,
    skip: tuple[str, ...] = (),
) -> Given:
    """The arrays of one layer, in the order in which Keras 2 lists weights: trainable ones first.

    A layer that was frozen when it was saved lists them as they were made. What is skipped inside a
    sub-model is left out.
    """
    path = layer.name if weights is None else ""
    orders = [weights] if weights is not None else [_trainable_first(layer), list(layer.weights)]
    for order in orders:
        if len(order) != len(entries):
            return Given(
                layer,
                path,
                problem=(
                    f"the file has {len(entries)} weights for it (`{name}`), and the model "
                    f"{len(order)}"
                ),
            )
    fitting = [
        order
        for order in orders
        if all(e.shape == tuple(w.shape) for w, e in zip(order, entries, strict=True))
    ]
    best = max(fitting or orders[:1], key=lambda order: _alike(order, entries))
    inside = _holders(layer, path) if skip else ()
    skipped = {
        id(weight) for place, _, kept in inside if covers(skip, place) for weight in kept.values()
    }
    pairs = enumerate(zip(best, entries, strict=True))
    return _compared(
        layer, path, {str(index): pair for index, pair in pairs if id(pair[0]) not in skipped}, name
    )


def _trainable_first(layer: Any) -> list[Any]:
    """The weights of a layer as they are listed while nothing in it is frozen."""
    trainable = {
        id(weight) for one in layer._flatten_layers() for weight in one._trainable_variables
    }
    return sorted(layer.weights, key=lambda weight: id(weight) not in trainable)


def _alike(order: list[Any], entries: list[Entry]) -> int:
    """How many arrays are named as the weights that they would be."""
    return sum(
        _name(weight) == entry.name.rpartition("/")[2].partition(":")[0]
        for weight, entry in zip(order, entries, strict=True)
    )

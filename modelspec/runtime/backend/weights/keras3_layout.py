"""Files of Keras 3 (`.weights.h5`, `.keras`): a layer is a group named after its class with a
counter (`layers/dense_1`), the objects in it are groups named after its attributes
(`forward_layer/cell`), and its arrays are `vars/0`, `vars/1`, ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from ..inner_names import spec_name
from .held_weights import Given, compared, kept_by, parts_of, path_below
from .layer_arrays import Groups

_OLD_ROOT = "_layer_checkpoint_dependencies"
"""The name of `layers` in TensorFlow 2.13."""


def in_groups(tree: Groups) -> bool:
    """Whether the file has the layout of Keras 3."""
    return bool(tree.names("layers") or tree.names(_OLD_ROOT))


def has_names(tree: Groups) -> bool:
    """Whether the file has the names of its layers, which early versions did not write."""
    root = "layers" if tree.names("layers") else _OLD_ROOT
    return any(tree.text(f"{root}/{one}/vars", "name") for one in tree.names(root))


class Keras3Layout:
    """Traverses a model in the order in which Keras saves it, and finds the groups."""

    def __init__(self, tree: Groups, by_name: bool) -> None:
        self.tree = tree
        self.by_name = by_name
        self._seen: set[int] = set()

    def visit(self, owner: Any, place: str = "", path: str = "") -> Iterator[Given]:
        """The arrays of the file for everything below an owner that is saved in the group
        `place`.
        """
        if id(owner) in self._seen:
            return
        self._seen.add(id(owner))
        kept = kept_by(owner)
        if kept:
            yield self._given(owner, place, path, kept)
        is_model = isinstance(owner, keras.Model)
        for group, inner in parts_of(owner):
            found = self._place(place, group, inner, top=is_model)
            if found is not None:
                yield from self.visit(inner, found, path_below(path, owner, inner))

    def _place(self, place: str, group: str, inner: Any, *, top: bool) -> str | None:
        """The group of a layer; None if layers are matched by name and the file does not contain
        it.
        """
        exact = f"{place}/{group}" if place else group
        if self.by_name and top:
            return self._named(exact.rpartition("/")[0], spec_name(inner.name))
        return _existing(self.tree, exact, exact.replace("layers", _OLD_ROOT))

    def _named(self, parent: str, name: str) -> str | None:
        for member in self.tree.names(parent):
            if spec_name(self.tree.text(f"{parent}/{member}/vars", "name") or "") == name:
                return f"{parent}/{member}"
        return None

    def _given(self, owner: Any, place: str, path: str, kept: Mapping[str, Any]) -> Given:
        group = f"{place}/vars" if place else "vars"
        count = len(self.tree.names(group))
        if not count:
            return Given(owner, path, problem=f"the file does not contain it (no group `{place}`)")
        if count != len(kept):
            problem = (
                f"the file has {count} weights for it (`{place}`), and the model has {len(kept)}"
            )
            return Given(owner, path, problem=problem)
        entries = {key: (weight, self.tree.entry(f"{group}/{key}")) for key, weight in kept.items()}
        return compared(owner, path, entries, place)


def layer_in_group(tree: Groups, layer: Any, group: str, path: str) -> Iterator[Given]:
    """The arrays of the file for one layer that is saved in a group."""
    old = group.replace("layers/", f"{_OLD_ROOT}/", 1)
    yield from Keras3Layout(tree, False).visit(layer, _existing(tree, group, old), path)


def _existing(tree: Groups, place: str, old: str) -> str:
    """The first group that exists in the file: `place`, its older name, or its name in another kind
    of model; `place` if none exists.
    """
    places = (place, old, *_other_kinds(place))
    return next((one for one in places if tree.has(one)), place)


def _other_kinds(place: str) -> Iterator[str]:
    """A sub-model that was saved as the other kind of model: both have the same layers in the same
    order.
    """
    parent, _, name = place.rpartition("/")
    for one, other in (("functional", "sequential"), ("sequential", "functional")):
        if name == one or name.startswith(f"{one}_"):
            yield f"{parent}/{other}{name.removeprefix(one)}"

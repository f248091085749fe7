"""Reads the weights of a run or a file, one by one and by name, without a framework.

.keras, .weights.h5, .h5    by the layer names in them; the spec of a run names the weights
.safetensors                by its own names
a run without a model       its newest checkpoint
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelspec.catalog.layers.layer import Weight
from modelspec.compiler.infer import TypedGraph
from modelspec.core.shapes import erase

from ..backend.inner_names import spec_name
from ..backend.weights.weight_files import opened
from ..data import RunError
from ..data.table import Array
from .checkpoints import Store
from .folder import CHECKPOINTS, MANIFEST, MODEL
from .manifest import Manifest
from .open_run import has_model, read_resolved, without_weights
from .saver import latest

OPTIMIZER = "optimizer"
_OLD_ROOT = "_layer_checkpoint_dependencies"
"""The name of `layers` in TensorFlow 2.13."""
_COUNTER = re.compile(r"_\d+$")


@dataclass(frozen=True)
class Stored:
    """One array, read on demand."""

    name: str
    """`hidden/kernel`; `hidden/0` if no spec has the name of the layer's first weight."""
    place: str
    """Its path in the file."""
    shape: tuple[int, ...]
    read: Callable[[], Array]


@contextmanager
def stored_weights(path: Path, *, optimizer: bool = False) -> Iterator[dict[str, Stored]]:
    """The weights of the run in a folder, or of a file, by name; variables of the optimizer only if
    requested.

    They can be read while the context is open. Raises `RunError`: MS708 if the folder does not
    contain a run, MS713 if the run has no weights, MS750 and MS751 for a file that cannot be read
    or is rejected.
    """
    if not path.is_dir():
        with _of_file(path, None, optimizer) as found:
            yield found
        return
    if not (path / MANIFEST).exists() and (path / "tensors.safetensors").is_file():
        with _of_file(
            path / "tensors.safetensors", None, optimizer
        ) as found:  # a checkpoint, named by itself
            yield found
        return
    manifest = Manifest.read(path)
    if has_model(path, manifest):
        with _of_file(path / MODEL, _graph(path, manifest), optimizer) as found:
            yield found
        return
    start = latest(Store(path / CHECKPOINTS))
    if start is None:
        raise without_weights(path, manifest)
    graph = _graph(path, manifest)
    full = _in_full(_known(graph)) if graph is not None else {}
    yield _of_tensors(
        {name: (array.shape, _given(array)) for name, array in start.tensors.items()},
        optimizer,
        full,
    )


def _graph(path: Path, manifest: Manifest) -> TypedGraph | None:
    """The graph of the spec, which has the names of weights; without it they are numbered."""
    try:
        return read_resolved(path, manifest).graph
    except RunError:
        return None


def _given(array: Array) -> Callable[[], Array]:
    return lambda: array


@contextmanager
def _of_file(path: Path, typed: TypedGraph | None, optimizer: bool) -> Iterator[dict[str, Stored]]:
    with opened(path, str(path)) as file:
        if isinstance(file, dict):
            yield _of_tensors(
                {name: (entry.shape, entry.read) for name, entry in file.items()}, optimizer
            )
        elif file.names("layers") or file.names(_OLD_ROOT) or file.names("vars"):
            yield _Tree(file, _known(typed) if typed is not None else {}, optimizer).weights()
        else:
            yield _of_keras_2(file)


def _of_tensors(
    tensors: Mapping[str, tuple[tuple[int, ...], Callable[[], Array]]],
    optimizer: bool,
    full: Mapping[str, str] | None = None,
) -> dict[str, Stored]:
    """The weights of a file that names its arrays: `hidden/kernel`, or a checkpoint's
    `model/3/hidden/kernel`.

    `full` has the full names with sub-models, which a checkpoint omits.
    """
    is_checkpoint = any(re.match(r"model/\d+/", name) for name in tensors)
    found: dict[str, Stored] = {}
    for place, (shape, read) in tensors.items():
        name = spec_name(place)
        if is_checkpoint:
            group, _, rest = name.partition("/")
            if group != "model" and not (optimizer and group == OPTIMIZER):
                continue
            rest = rest.partition("/")[2]
            if group == "model" and rest.endswith("seed_generator_state"):
                continue
            name = (full or {}).get(rest, rest) if group == "model" else f"{OPTIMIZER}/{rest}"
        name = name if name not in found else place
        found[name] = Stored(name, place, tuple(shape), read)
    return found


def _of_keras_2(tree: Any) -> dict[str, Stored]:
    """The weights of a Keras 2 file: attributes list the names of layers and arrays; the names of
    arrays already contain their layer.
    """
    root = "" if tree.texts("", "layer_names") is not None else "model_weights"
    found: dict[str, Stored] = {}
    for layer in tree.texts(root, "layer_names") or ():
        place = f"{root}/{layer}" if root else layer
        for name in tree.texts(place, "weight_names") or ():
            entry = tree.entry(f"{place}/{name}")
            if entry is not None:
                plain = name.partition(":")[0]
                label = spec_name(plain if plain.startswith(f"{layer}/") else f"{layer}/{plain}")
                label = label if label not in found else entry.name
                found[label] = Stored(label, entry.name, entry.shape, entry.read)
    return found


# Keras 3 ------------------------------------------------------------------------------------------


def _known(typed: TypedGraph, place: str = "") -> dict[str, tuple[Weight, ...]]:
    """The weights of every layer that has its own, by the layer's path in the Keras model."""
    found: dict[str, tuple[Weight, ...]] = {}
    for call in typed.alive:
        path = place + (call.shared or call.name)
        if call.inside is not None:
            found |= {
                name: weights
                for name, weights in _known(call.inside, f"{path}/").items()
                if name not in found
            }
        elif call.weights:
            found.setdefault(path, call.weights)
    return found


def _in_full(known: Mapping[str, tuple[Weight, ...]]) -> dict[str, str]:
    """`tower/first/kernel` by `first/kernel`, if only one weight has this name."""
    found: dict[str, list[str]] = {}
    for path, weights in known.items():
        for weight in weights:
            found.setdefault(f"{path.rpartition('/')[2]}/{weight.name}", []).append(
                f"{path}/{weight.name}"
            )
    return {short: names[0] for short, names in found.items() if len(names) == 1}


class _Tree:
    """Traverses the groups of a Keras 3 file; each has the name of its layer beside its arrays."""

    def __init__(self, tree: Any, known: Mapping[str, tuple[Weight, ...]], optimizer: bool) -> None:
        self.tree, self.known, self.optimizer = tree, known, optimizer
        self.found: dict[str, Stored] = {}

    def weights(self) -> dict[str, Stored]:
        """The weights by name, in the order of the spec if there is one."""
        self._group("", "", "")
        places = {path: index for index, path in enumerate(self.known)}
        layer = {
            name: next((path for path in self.known if name.startswith(f"{path}/")), name)
            for name in self.found
        }
        last = len(places)
        return dict(sorted(self.found.items(), key=lambda item: places.get(layer[item[0]], last)))

    def _group(self, place: str, layer: str, inside: str) -> None:
        """Visits the group of a layer, or of an object `inside` it."""
        self._arrays(place, layer, inside)
        for member in self.tree.names(place):
            below = f"{place}/{member}" if place else member
            if member in ("vars", "seed_generator") or (
                not place and member == OPTIMIZER and not self.optimizer
            ):
                continue
            if not self.tree.has(below):
                continue
            if member in ("layers", _OLD_ROOT):
                for child in self.tree.names(below):
                    name = self._name(f"{below}/{child}") or child
                    self._group(f"{below}/{child}", f"{layer}/{name}" if layer else name, "")
            elif not place:
                self._group(below, member, "")
            else:
                name = self._name(below) or member
                self._group(below, layer, f"{inside}/{name}" if inside else name)

    def _name(self, place: str) -> str | None:
        found: str | None = self.tree.text(f"{place}/vars", "name")
        return found and spec_name(found)

    def _arrays(self, place: str, layer: str, inside: str) -> None:
        group = f"{place}/vars" if place else "vars"
        names = sorted(self.tree.names(group), key=lambda name: (len(name), name))
        entries = [
            entry for name in names if (entry := self.tree.entry(f"{group}/{name}")) is not None
        ]
        called = self._called(layer, inside, [entry.shape for entry in entries])
        for name, entry in zip(called or names, entries, strict=False):
            parts = [layer, name] if called else [layer, inside, name]
            path = "/".join(filter(None, parts))
            path = path if path not in self.found else entry.name
            self.found[path] = Stored(path, entry.name, entry.shape, entry.read)

    def _called(self, layer: str, inside: str, shapes: list[tuple[int, ...]]) -> list[str] | None:
        """The names in the spec for the arrays of one owner, if it has exactly these."""
        mine = [
            weight
            for weight in self.known.get(layer, ())
            if _owner(weight.name) == _uncounted(inside)
        ]
        sizes = [erase(weight.shape) for weight in mine]
        fits = len(sizes) == len(shapes) and all(
            len(one) == len(other) and all(a in (None, b) for a, b in zip(one, other, strict=True))
            for one, other in zip(sizes, shapes, strict=True)
        )
        return [weight.name for weight in mine] if fits and mine else None


def _owner(name: str) -> str:
    return _uncounted(name.rpartition("/")[0])


def _uncounted(path: str) -> str:
    """A path without the counters of Keras: `lstm_cell_3` is the cell of any LSTM."""
    return "/".join(_COUNTER.sub("", part) for part in path.split("/"))

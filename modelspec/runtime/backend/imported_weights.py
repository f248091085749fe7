"""The weights of an imported model: read from its file into the spec's model, and written under the
spec's names.

Which array is whose follows from the architecture in the file: Keras 3 has a layer's weights in a
group that is named after its class and counted, Keras 1 and 2 in one of its name. Nothing of the
file is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.registry import snake_case
from modelspec.importers.architecture import Architecture
from modelspec.importers.import_model import Imported
from modelspec.importers.spec_names import LayerNames

from ..data.errors import Findings, RunError
from .inner_names import inner_name, spec_name
from .weights import assign
from .weights.hdf5_process import Tree
from .weights.held_weights import Given, kept_by
from .weights.keras3_layout import in_groups
from .weights.layout import of_layer
from .weights.weight_files import opened


def write_weights(found: Imported, source: Path, target: Path) -> None:
    """Write the weights in the model's file `source` into `target`, for the spec's model.

    Raises `RunError`: MS750 and MS751 for a file that cannot be read, MS745 for every layer that
    does not get all of its weights; `OSError` where the target cannot be written.
    """
    model = built(found)
    load_into(model, found, source)
    save(model, target)


def built(found: Imported) -> Any:
    """The model of an imported spec, with fresh weights."""
    from . import build

    compiled = compile_spec({key: value for key, value in found.spec.items() if key != "training"})
    assert compiled.ok and compiled.value is not None
    return build(compiled.value)


def load_into(model: Any, found: Imported, source: Path) -> None:
    """Give the built model of an imported spec every weight of its file. Raises `RunError`."""
    with opened(source, source.name) as file:
        if not isinstance(file, Tree):
            raise RunError.of("MS745", f"`{source.name}` has no weights of a Keras model")
        given = list(_matched(file, model, found.architecture, found.layers, "", ""))
        _check_complete(model, given, source.name)
        for one in given:
            assign(one)


def _check_complete(model: Any, given: Sequence[Given], shown: str) -> None:
    """Raises `RunError` (MS745) for every layer that the file does not fit; where it fits all of
    them, for every weight that nothing in it is.
    """
    wrong = Findings()
    for one in given:
        if one.problem:
            wrong.error(
                "MS745", f"the weights of `{one.path}` do not come along: {one.problem}", None
            )
    if wrong.ok:
        reached = {id(weight) for one in given for weight, _ in one.weights.values()}
        for weight in model.weights:
            if id(weight) not in reached:
                wrong.error(
                    "MS745", f"nothing in `{shown}` is the weight `{spec_name(weight.path)}`", None
                )
    if not wrong.ok:
        raise RunError(wrong.diagnostics)


def _matched(
    tree: Tree, model: Any, architecture: Architecture, names: LayerNames, place: str, path: str
) -> Iterator[Given]:
    """What the file has for every layer of a model, and of the models in it."""
    for name, group in _groups(architecture, place):
        layer = architecture.layers.get(name)
        own = _layer_of(model, names.names[name]) if name in names.names else None
        if layer is None or own is None:
            continue
        shown = f"{path}{name}"
        if name in names.inside and layer.inside is not None and in_groups(tree):
            inside = names.inside[name]
            for _ in layer.around:
                own, group = own.layer, f"{group}/layer"
            yield from _matched(tree, own, layer.inside, inside, f"{group}/", f"{shown}/")
        elif own.weights or kept_by(own):
            yield from of_layer(tree, own, group, name, shown)


def _groups(architecture: Architecture, place: str) -> Iterator[tuple[str, str]]:
    """Every layer in the order of the file, with the group that Keras 3 saves it in."""
    counts: dict[str, int] = {}
    for name, kind in architecture.order:
        base = snake_case(kind)
        count = counts[base] = counts.get(base, -1) + 1
        yield name, f"{place}layers/{base}_{count}" if count else f"{place}layers/{base}"


def _layer_of(model: Any, name: str) -> Any:
    return next((layer for layer in model.layers if layer.name == inner_name(name)), None)


def save(model: Any, target: Path) -> None:
    """The weights of a model, as the ending of the file says. Raises `OSError` where it cannot be
    written.
    """
    if not target.name.endswith(".safetensors"):
        model.save_weights(target, overwrite=True)
        return
    paths = [spec_name(weight.path) for weight in model.weights]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise RunError.of(
            "MS745",
            f"two weights are called `{twice}`, which a safetensors file cannot tell apart",
            help="write a `.weights.h5` file, or name the layers of the sub-models in the spec",
        )
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays = {path: _array(weight) for path, weight in zip(paths, model.weights, strict=True)}
    try:
        save_file(arrays, target)
    except SafetensorError as error:  # what it makes of an error of the file system
        raise OSError(str(error)) from error


def _array(weight: Any) -> Any:
    import numpy as np

    values = np.ascontiguousarray(np.asarray(weight.numpy()))
    return values.reshape(tuple(weight.shape))  # NumPy makes one axis of none

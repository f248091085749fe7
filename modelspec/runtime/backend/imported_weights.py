"""The weights of an imported model: read from its file into the spec's model, and written under the
spec's names.

The architecture in the file determines which array belongs to which layer: Keras 3 stores the
weights of a layer in a group that is named after its class and numbered, Keras 1 and 2 in a group
with the layer's name. No code of the file is run.
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
from .layers.tensors import Constant
from .weights import assign
from .weights.held_weights import Given, kept_by
from .weights.keras3_layout import in_groups
from .weights.layer_arrays import Groups
from .weights.layout import of_layer
from .weights.model_weights import opened_model
from .weights.old_arrays import Origin


def write_weights(found: Imported, source: Path, target: Path) -> None:
    """Write the weights of the model file `source` to `target`, for the spec's model.

    Raises `RunError`: MS750 and MS751 for a file that cannot be read, MS745 for every layer that
    does not get all of its weights. Raises `OSError` if the target cannot be written.
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
    """Load every weight of the file into the built model of an imported spec. Raises `RunError`."""
    with opened_model(source, source.name, found.architecture) as file:
        if isinstance(file, dict):
            raise RunError.of(
                "MS745", f"`{source.name}` does not contain the weights of a Keras model"
            )
        given = list(_matched(file, model, found.architecture, found.layers, "", ""))
        _check_complete(model, given, source.name)
        for one in given:
            assign(one)


def _check_complete(model: Any, given: Sequence[Given], shown: str) -> None:
    """Raises `RunError` (MS745) for every layer that the file does not fit. If it fits all layers,
    raises it for every weight that has no counterpart in the file.
    """
    wrong = Findings()
    for one in given:
        if one.problem:
            wrong.error(
                "MS745", f"the weights of `{one.path}` cannot be imported: {one.problem}", None
            )
    if wrong.ok:
        reached = {id(weight) for one in given for weight, _ in one.weights.values()}
        reached |= _in_spec(model)
        for weight in model.weights:
            if id(weight) not in reached:
                wrong.error(
                    "MS745",
                    f"`{shown}` does not contain the weight `{spec_name(weight.path)}`",
                    None,
                )
    if not wrong.ok:
        raise RunError(wrong.diagnostics)


def _in_spec(model: Any) -> set[int]:
    """The identities of the weights with numbers of the spec: the constants in the graph of a file,
    which its weights do not include.
    """
    return {id(layer.value) for layer in model._flatten_layers() if isinstance(layer, Constant)}


def _matched(
    tree: Groups, model: Any, architecture: Architecture, names: LayerNames, place: str, path: str
) -> Iterator[Given]:
    """The arrays of the file for every layer of a model, and of the models in it."""
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
            origin = Origin(architecture.backend, architecture.writer)
            yield from of_layer(tree, own, group, name, shown, origin)


def _groups(architecture: Architecture, place: str) -> Iterator[tuple[str, str]]:
    """Every layer in the order of the file, with its group in a Keras 3 file."""
    counts: dict[str, int] = {}
    for name, kind in architecture.order:
        base = snake_case(kind)
        count = counts[base] = counts.get(base, -1) + 1
        yield name, f"{place}layers/{base}_{count}" if count else f"{place}layers/{base}"


def _layer_of(model: Any, name: str) -> Any:
    return next((layer for layer in model.layers if layer.name == inner_name(name)), None)


def save(model: Any, target: Path) -> None:
    """Writes the weights of a model in the format of the file's extension. Raises `OSError` if the
    file cannot be written.
    """
    if not target.name.endswith(".safetensors"):
        model.save_weights(target, overwrite=True)
        return
    paths = [spec_name(weight.path) for weight in model.weights]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise RunError.of(
            "MS745",
            f"two weights have the name `{twice}`; in a safetensors file names must be unique",
            help="write a `.weights.h5` file, or name the layers of the sub-models in the spec",
        )
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays = {path: _array(weight) for path, weight in zip(paths, model.weights, strict=True)}
    try:
        save_file(arrays, target)
    except SafetensorError as error:  # how it reports an error of the file system
        raise OSError(str(error)) from error


def _array(weight: Any) -> Any:
    import numpy as np

    values = np.ascontiguousarray(np.asarray(weight.numpy()))
    return values.reshape(tuple(weight.shape))  # NumPy turns a scalar into an array with one axis

"""`predict`: raw rows in, predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.settings import Settings

from ..backend.process_state import own_state
from ..data.adapted_state import State, has_inverse, inverse, labels
from ..data.columns import binding_of
from ..data.examples import whole
from ..data.table import Array
from ..data.targets import loss_of
from .open_run import open_run, table_for
from .prediction_rows import Predictions
from .run_data import prepared_source

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Written:
    """Predictions that are in a file."""

    path: Path
    rows: int
    warnings: tuple[Diagnostic, ...] = ()

    def __len__(self) -> int:
        return self.rows


@dataclass(frozen=True)
class Stream:
    """Predictions that are computed as they are asked for, batch by batch, each time anew."""

    rows: int
    """How many there will be."""
    warnings: tuple[Diagnostic, ...]
    _batches: Callable[[], Iterator[Predictions]] = field(repr=False)

    def __iter__(self) -> Iterator[Predictions]:
        return self._batches()

    def head(self, rows: int) -> Predictions:
        """The first rows."""
        from .prediction_writer import joined

        taken: list[Predictions] = []
        for batch in self:
            taken.append(batch)
            if sum(map(len, taken)) >= rows:
                break
        found = joined(taken)
        return replace(
            found,
            outputs={name: values[:rows] for name, values in found.outputs.items()},
            classes={name: values[:rows] for name, values in found.classes.items()},
        )


Layers = str | Sequence[str] | None


@overload
def predict(
    run_dir: str | PathLike[str], source: str, output: None = None, layer: Layers = None
) -> Predictions: ...
@overload
def predict(
    run_dir: str | PathLike[str], source: str, output: str | PathLike[str], layer: Layers = None
) -> Written: ...
def predict(
    run_dir: str | PathLike[str],
    source: str,
    output: str | PathLike[str] | None = None,
    layer: Layers = None,
) -> Predictions | Written:
    """The outputs of the model in a run folder for every row of `source` (a path, or `kind=path`),
    of which only the columns of the inputs are needed. `layer` asks for the tensors of inner layers
    instead, of one or of several: `hidden`, `encoder/conv1` inside a sub-model.

    `output` names a file to write them to, `.csv`, `.jsonl`, `.npz`, `.parquet` or `.arrow`: as
    they come, so that memory holds a few batches however many rows there are; the file is there
    when it is whole. Without it they are given as arrays. Raises `RunError`: MS711 for a file that
    cannot be written so, MS712 for an unknown layer, and where the run or the source cannot be
    used.
    """
    from .prediction_outputs import check_output
    from .prediction_writer import joined, write_output

    if output is None:
        stream = predictions(run_dir, source, layer)
        return joined(list(stream))
    path = Path(fspath(output))
    check_output(path)
    stream = predictions(run_dir, source, layer)
    write_output(stream, stream.rows, path)
    return Written(path, stream.rows, stream.warnings)


@own_state()
def predictions(run_dir: str | PathLike[str], source: str, layer: Layers = None) -> Stream:
    """As `predict`, in batches: `for batch in predictions(...)`. Raises as it does, and so does
    each batch.
    """
    from .introspection import check_names

    run = open_run(Path(fspath(run_dir)))
    typed = run.compiled.graph
    assert typed is not None
    layers = () if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
    check_names(typed, layers)
    table = table_for(run, source)
    examples, state, found = prepared_source(run.compiled, table, run.directory, with_targets=False)
    warnings = (*run.warnings, *found)
    part = whole(examples)
    fixed = next((one.batch_size for one in typed.graph.inputs or () if one.batch_size), None)
    batch_size = run.compiled.training.batch_size if run.compiled.training else 32
    model = run.model(measured=False)

    def batches() -> Iterator[Predictions]:
        from ..data.batches import Feed
        from .framework_errors import told

        with told("the prediction failed"), own_state():
            wanted = model if not layers else _inner(model, typed, layers)
            feed = Feed(examples).plain(part.positions, batch_size)
            computed = (_whole_batch(wanted, batch, fixed, tuple(typed.outputs)) for batch in feed)
        while True:
            with told("the prediction failed"), own_state():
                outputs = next(computed, None)
            if outputs is None:
                return
            yield (
                Predictions(outputs, {}, warnings)
                if layers
                else _predictions(outputs, run.compiled, state, warnings)
            )

    return Stream(len(part), warnings, batches)


def _inner(model: keras.Model, typed: TypedGraph, layers: Sequence[str]) -> keras.Model:
    from .introspection import inner_model

    return inner_model(model, typed, layers)


def _whole_batch(
    model: keras.Model, batch: Any, fixed: int | None, names: tuple[str, ...]
) -> dict[str, Array]:
    """What a batch gives. Where batches have one size, the last row fills up the last of them, and
    what is made of it is left out.
    """
    import keras
    import tensorflow as tf

    first = next(one for one in keras.tree.flatten(batch) if one is not None)
    count, whole = len(first), fixed or len(first)
    if count == whole:
        return _by_name(model.predict_on_batch(batch), names)
    rows = np.minimum(np.arange(whole), count - 1)
    filled = keras.tree.map_structure(lambda one: tf.gather(one, rows), batch)
    found = _by_name(model.predict_on_batch(filled), names)
    return {name: values[:count] for name, values in found.items()}


def _by_name(given: Any, names: tuple[str, ...]) -> dict[str, Array]:
    """What a batch gave; a mapping has its own names."""
    if isinstance(given, Mapping):
        return {name: np.asarray(value) for name, value in given.items()}
    return {names[0]: np.asarray(given)}


# Classes ------------------------------------------------------------------------------------------


def decide(outputs: Mapping[str, Array], compiled: Compiled) -> dict[str, Array]:
    """The class of every row: the largest of several units, or whether one unit is past the
    middle.
    """
    found: dict[str, Array] = {}
    for name, values in outputs.items():
        loss = loss_of(compiled.training, name)
        encoding = getattr(loss, "targets", "")
        axis = getattr(loss, "axis", -1)
        if (
            encoding in ("indices", "one_hot")
            and loss is not None
            and loss.kind() != "KLDivergence"
        ):
            found[name] = values.argmax(axis=axis if isinstance(axis, int) else -1)
        elif encoding == "binary" and loss is not None and "Crossentropy" in loss.kind():
            middle = 0.0 if getattr(loss, "from_logits", False) else 0.5
            found[name] = (values > middle).astype(np.int64)
    return found


def _predictions(
    outputs: Mapping[str, Array],
    compiled: Compiled,
    state: State | None,
    warnings: tuple[Diagnostic, ...],
) -> Predictions:
    """Predictions in the words of the target's column: labels for classes, numbers before their
    transform.
    """
    layers = target_layers(compiled, state)
    classes = {
        name: labelled(
            values, layers.get(name, ()), _units(outputs[name], loss_of(compiled.training, name))
        )
        for name, values in decide(outputs, compiled).items()
    }
    plain = {
        name: (
            inverse(layers[name], values)
            if name not in classes and has_inverse(layers.get(name, ()))
            else values
        )
        for name, values in outputs.items()
    }
    return Predictions(plain, classes, warnings)


def target_layers(compiled: Compiled, state: State | None) -> dict[str, tuple[Layer, ...]]:
    """The transform of every target, with what the run learned."""
    if state is None:
        return {
            name: bound.chain.layers
            for name, bound in binding_of(compiled).targets.items()
            if bound.chain
        }
    return {
        name: state.features["targets", name].layers(bound)
        for name, bound in binding_of(compiled).targets.items()
        if ("targets", name) in state.features
    }


def labelled(classes: Array, layers: tuple[Layer, ...], units: int) -> Array:
    """Numbers of classes as labels, where the target was looked up; of a class that no label is
    for, its number.
    """
    known = labels(layers)
    if known is None:
        return classes
    names = ["" if one is None else one for one in known]
    found: Array = np.array([*names, *map(str, range(len(names), units))])[classes]
    return found


def _units(values: Array, loss: Settings | None) -> int:
    """How many classes an output tells apart."""
    axis = getattr(loss, "axis", -1)
    return (
        2
        if getattr(loss, "targets", "") == "binary"
        else values.shape[axis if isinstance(axis, int) else -1]
    )

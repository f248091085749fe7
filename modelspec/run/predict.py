"""`predict`: raw rows in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import RunError, prepare_source
from ..data.prepare import whole
from ..data.table import Array
from ..data.targets import loss_of
from ..diagnostics import Diagnostic, nearest
from ..infer import TypedGraph
from ..pipeline import Compiled
from .load import open_run, table_for

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Predictions:
    """What a model gives for every row of a source, in its order."""

    outputs: Mapping[str, Array]
    """By output; the first axis counts the rows."""
    classes: Mapping[str, Array]
    """The decided class of every row, for outputs whose loss says that they classify."""
    warnings: tuple[Diagnostic, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))


def predict(
    run_dir: str | PathLike[str], source: str, output: str | PathLike[str] | None = None, layer: str | None = None
) -> Predictions:
    """The outputs of the model in a run folder for every row of `source` (a path, or `kind=path`), of which only the
    columns of the inputs are needed. `layer` asks for the tensor of an inner layer instead.

    `output` names a file to write them to: `.csv`, `.jsonl`, `.npz` or `.parquet`. Raises `RunError`.
    """
    from .outputs import check_output, write_output

    path = None if output is None else Path(fspath(output))
    if path is not None:
        check_output(path)
    run = open_run(Path(fspath(run_dir)))
    typed = run.compiled.graph
    assert typed is not None
    if layer is not None:
        _check_layer(typed, layer)
    examples, warnings = prepare_source(run.compiled, table_for(run, source), with_targets=False)
    from ..data.batches import Feed
    from .train import told

    model = run.model(measured=False)
    batch_size = run.compiled.training.batch_size if run.compiled.training else 32
    with told("the prediction failed"):
        wanted = model if layer is None else _inner(model, typed, layer)
        given = wanted.predict(Feed(examples).plain(whole(examples).positions, batch_size), verbose=0)
    outputs = _by_name(given, tuple(typed.outputs) if layer is None else (layer,))
    found = Predictions(outputs, {} if layer is not None else decide(outputs, run.compiled), warnings)
    if path is not None:
        write_output(found, path)
    return found


def _by_name(given: Any, names: tuple[str, ...]) -> dict[str, Array]:
    if isinstance(given, Mapping):
        return {name: np.asarray(given[name]) for name in names}
    if isinstance(given, (list, tuple)):
        return {f"{names[0]}_{index}": np.asarray(value) for index, value in enumerate(given)}
    return {names[0]: np.asarray(given)}


# Classes -------------------------------------------------------------------------------------------------------------


def decide(outputs: Mapping[str, Array], compiled: Compiled) -> dict[str, Array]:
    """The class of every row: the largest of several units, or whether one unit is past the middle."""
    found: dict[str, Array] = {}
    for name, values in outputs.items():
        loss = loss_of(compiled.training, name)
        encoding = getattr(loss, "targets", "")
        axis = getattr(loss, "axis", -1)
        if encoding in ("indices", "one_hot") and loss is not None and loss.kind() != "KLDivergence":
            found[name] = values.argmax(axis=axis if isinstance(axis, int) else -1)
        elif encoding == "binary" and loss is not None and "Crossentropy" in loss.kind():
            middle = 0.0 if getattr(loss, "from_logits", False) else 0.5
            found[name] = (values > middle).astype(np.int64)
    return found


# Inner layers --------------------------------------------------------------------------------------------------------


def _check_layer(typed: TypedGraph, layer: str) -> None:
    names = [call.name for call in typed.layers]
    if layer not in names:
        near = nearest(layer, names)
        raise RunError.of("MS712", f"the model has no layer `{layer}`",
                          help=f"did you mean `{near}`?" if near else f"it has {', '.join(names[:12])}")


def _inner(model: keras.Model, typed: TypedGraph, layer: str) -> keras.Model:
    """The model up to an inner layer; of something shared, up to the call of this name."""
    import keras

    call = typed.layer(layer)
    assert call is not None
    if call.shared is None:
        tensors = model.get_layer(layer).output
    else:
        calls = [one.name for one in typed.layers if one.shared == call.shared]
        node = model.get_layer(call.shared)._inbound_nodes[calls.index(layer)]
        tensors = node.output_tensors if len(node.output_tensors) > 1 else node.output_tensors[0]
    return keras.Model(model.input, tensors)

"""`--to python`: a Keras script of the same model and training, checked by running its
`build_model`.
"""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from . import Format

if TYPE_CHECKING:
    from modelspec.runtime.data.table import Array

    from ..job import Job, Written

FORMAT = Format(__name__, "a Keras script of the same model and training", (".py",), order=70)
_Weight: TypeAlias = tuple[str, tuple[int, ...], bool]


def write(job: Job, path: Path) -> Written:
    """The script. Its model is built, compared weight by weight, given the weights that the run
    saved, and predicts; its `prepare_inputs` is given rows, and must make of them what the run
    does.

    The script holds nothing that a spec could have smuggled in: names are turned into identifiers,
    and every value into the literal that stands for it.
    """
    from ..rebuilt_model import predictions
    from ..script import script

    made = script(job)
    path.write_text(made.text, encoding="utf-8")
    names = runpy.run_path(str(path), run_name="exported")
    model = names["build_model"]()
    _check_weights(_weights(job.model), _weights(model))
    model.load_weights(job.run.model_path)
    inputs = _prepared(job, names["prepare_inputs"]) if made.prepares else job.samples.inputs
    written = predictions(job, model, inputs)
    return replace(written, inside=False, notices=made.notices)


def _prepared(job: Job, prepare: Any) -> dict[str, Array]:
    """What the script makes of the samples, for every input."""
    from ..script import table_of

    found = prepare(table_of(job))
    return dict(found) if isinstance(found, dict) else {next(iter(job.samples.inputs)): found}


def _check_weights(ours: list[_Weight], theirs: list[_Weight]) -> None:
    """Raises `RunError` (MS762) where a script makes another model than the run has."""
    if ours != theirs:
        from modelspec.runtime.data import RunError

        one, other = next(
            (pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]),
            (ours[-1], None),
        )
        raise RunError.of(
            "MS762",
            f"the script makes another model: the run has the weight {one}, the script {other}",
        )


def _weights(model: Any) -> list[_Weight]:
    """Paths and shapes, and whether they are trained. What Keras names inside a layer, it counts:
    the number goes.
    """
    import keras

    trained = set(map(id, model.trainable_weights))
    own = {layer.name for layer in model._flatten_layers()}
    inner = {
        name
        for layer in model._flatten_layers()
        for one in getattr(layer, "_layers", ())
        if (name := one.name) in own and not isinstance(layer, keras.Model)
    }
    return [
        (
            "/".join(
                re.sub(r"_\d+$", "", part) if part in inner else part
                for part in weight.path.split("/")
            ),
            tuple(weight.shape),
            id(weight) in trained,
        )
        for weight in model.weights
    ]

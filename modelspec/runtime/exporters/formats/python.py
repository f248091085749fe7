"""`--to python`: a Keras script of the same model and training, checked by running its
`build_model`.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from . import Format

if TYPE_CHECKING:
    from modelspec.runtime.data.table import Array

    from ..checked_batches import Batch
    from ..job import Job
    from ..written import Outputs, Written

FORMAT = Format(__name__, "a Keras script of the same model and training", (".py",), order=70)
_Weight: TypeAlias = tuple[str, tuple[int, ...], bool]


def write(job: Job, path: Path) -> Written:
    """The script. Its model is built, compared weight by weight, loaded with the weights of the
    run, and used for predictions; its `prepare_inputs` is called with rows, and must return the
    same values as the run.

    A script cannot contain code from a spec: names become identifiers, and every value becomes a
    literal.
    """
    from ..script import script
    from ..written import Written

    made = script(job)
    path.write_text(made.text, encoding="utf-8")
    names = tuple(made.columns if made.prepares else job.typed.inputs)
    return Written(
        lambda: _Run(job, path, made.prepares),
        False,
        made.notices,
        names,
        job.outputs,
        prepares=made.prepares,
    )


class _Run:
    """A script after its execution."""

    def __init__(self, job: Job, path: Path, prepares: bool) -> None:
        from ...backend.weights.run_weights import load_run_weights

        self._job = job
        self._prepares = prepares
        self._names = runpy.run_path(str(path), run_name="exported")
        self._model = self._names["build_model"]()
        _check_weights(_weights(job.model), _weights(self._model))
        load_run_weights(self._model, job.run.model_path)

    def __call__(self, batch: Batch) -> Outputs:
        from ..job import given

        inputs = self._prepared(batch) if self._prepares else batch.inputs
        return self._job.by_name(self._model.predict_on_batch(given(self._model, inputs)))

    def _prepared(self, batch: Batch) -> dict[str, Array]:
        """The script's prepared values of rows, for every input."""
        from ..script import table_of

        found = self._names["prepare_inputs"](table_of(self._job, batch.columns))
        return dict(found) if isinstance(found, dict) else {next(iter(batch.inputs)): found}


def _check_weights(ours: list[_Weight], theirs: list[_Weight]) -> None:
    """Raises `RunError` (MS762) if a script builds another model than the run's."""
    if ours != theirs:
        from modelspec.runtime.data import RunError

        one, other = next(
            (pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]),
            (ours[-1], None),
        )
        raise RunError.of(
            "MS762",
            f"the script builds another model: the run has the weight {one}, the script {other}",
        )


def _weights(model: Any) -> list[_Weight]:
    """Paths and shapes, and whether they are trainable. Keras numbers the names inside a layer: the
    numbers are removed.
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

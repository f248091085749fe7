"""`--to safetensors`: every weight by its path, as `training.weights` reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import Format

if TYPE_CHECKING:
    from ..job import Job
    from ..written import Written

FORMAT = Format(__name__, "the weights by their paths", (".safetensors",), order=30)


def write(job: Job, path: Path) -> Written:
    """The weights; a model that is rebuilt from the spec loads them and predicts."""
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file

    from modelspec.runtime.data import RunError

    from ...backend.weights.held_weights import stored_names
    from ..rebuilt_model import of_weights

    names = stored_names(job.model)
    values = {names[id(weight)]: np.asarray(weight.value) for weight in job.model.weights}
    if len(values) < len(job.model.weights):
        raise RunError.of(
            "MS763",
            "two weights of the model have the same path, so the format cannot distinguish them",
            help="export to `weights`",
        )
    held = {
        name: (
            one.astype(np.float32) if one.dtype.kind == "V" or str(one.dtype) == "bfloat16" else one
        )
        for name, one in values.items()
    }
    held = {name: np.ascontiguousarray(one) for name, one in held.items()}

    def note(text: str) -> None:
        save_file(held, path, {"format": "keras", "modelspec": text})

    def load(model: Any) -> None:
        with safe_open(path, framework="numpy") as file:
            for weight, trained in zip(model.weights, job.model.weights, strict=True):
                weight.assign(file.get_tensor(names[id(trained)]))

    save_file(held, path, {"format": "keras"})
    return of_weights(job, load, note)

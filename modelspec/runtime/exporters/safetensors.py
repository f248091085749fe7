"""`--to safetensors`: every weight by its path, as `training.weights` reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from ..data import RunError
from .job import Job, Written
from .weights import checked, fresh


def write(job: Job, path: Path) -> Written:
    """The weights; a model that is built anew from the spec is given them, and predicts."""
    values = {weight.path: np.asarray(weight.value) for weight in job.model.weights}
    if len(values) < len(job.model.weights):
        raise RunError.of(
            "MS763",
            "two weights of the model have one path, so that they cannot be told apart by it",
            help="export to `weights`",
        )
    held = {
        name: (
            one.astype(np.float32) if one.dtype.kind == "V" or str(one.dtype) == "bfloat16" else one
        )
        for name, one in values.items()
    }
    save_file(
        {name: np.ascontiguousarray(one) for name, one in held.items()}, path, {"format": "keras"}
    )
    model = fresh(job)
    with safe_open(path, framework="numpy") as file:
        for weight, trained in zip(model.weights, job.model.weights, strict=True):
            weight.assign(file.get_tensor(trained.path))
    return checked(job, model)

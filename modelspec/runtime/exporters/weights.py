"""`--to weights`: a `.weights.h5` file as `keras.Model.save_weights` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras

from ..data.table import Array
from .job import Job, Written, given


def write(job: Job, path: Path) -> Written:
    """The weights; a model that is built anew from the spec is given them, and predicts."""
    job.model.save_weights(path)
    model = fresh(job)
    model.load_weights(path)
    return checked(job, model)


def fresh(job: Job) -> keras.Model:
    """The model of the spec with weights of its own."""
    from ..backend import build

    return build(replace(job.compiled, training=None), pretrained=False)


def checked(job: Job, model: keras.Model, inputs: Mapping[str, Array] | None = None) -> Written:
    """What a model that takes prepared inputs gives for the samples."""
    values = job.samples.inputs if inputs is None else inputs
    found = model.predict(given(model, values), verbose=0)
    return Written(job.by_name(found), inputs=tuple(values))

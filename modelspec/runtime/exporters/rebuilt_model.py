"""A model built anew from the spec, which is given the weights of an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import keras

from ..data.table import Array
from .job import Job, Written, given


def rebuilt(job: Job) -> keras.Model:
    """The model of the spec with weights of its own."""
    from ..backend import build

    return build(replace(job.compiled, training=None), pretrained=False)


def predictions(job: Job, model: keras.Model, inputs: Mapping[str, Array] | None = None) -> Written:
    """What a model that takes prepared inputs gives for the samples."""
    values = job.samples.inputs if inputs is None else inputs
    found = model.predict(given(model, values), verbose=0)
    return Written(job.by_name(found), inputs=tuple(values))

"""A model that is rebuilt from the spec, and loaded with the weights of an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras

from .checked_batches import Batch
from .job import Job, given
from .written import Outputs, Written

LEFT_OUT = "the layers: the file contains only their weights"


def rebuilt(job: Job) -> keras.Model:
    """The model of the spec with separate weights."""
    from ..backend import build

    return build(replace(job.compiled, training=None), pretrained=False)


def of_weights(
    job: Job, load: Callable[[keras.Model], None], note: Callable[[str], None]
) -> Written:
    """A file of weights, which `load` loads into a rebuilt model."""

    def opened() -> Callable[[Batch], Outputs]:
        model = rebuilt(job)
        load(model)
        return lambda batch: job.by_name(model.predict_on_batch(given(model, batch.inputs)))

    names = tuple(job.typed.inputs)
    return Written(opened, False, (), names, job.outputs, (LEFT_OUT,), note)

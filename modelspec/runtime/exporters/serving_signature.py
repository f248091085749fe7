"""SavedModels with a serving signature, over the columns of a row or the inputs of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..data.table import Array
from ..data.targets import loss_of
from .job import Job
from .serving_model import called_with, tensors

SIGNATURE = "serving_default"


def save(
    job: Job, path: Path, *, inside: bool, batch: int | None, with_labels: bool = False
) -> None:
    """A SavedModel over the columns of a row (`inside`) or over the model's own inputs, for batches
    of any size, or of one size.
    """
    archive = keras.export.ExportArchive()
    archive.track(job.model)
    if inside:
        job.preparing.inputs(tensors(job.raw()), _filled)  # builds the layers
        for feature in job.preparing.features.values():
            for layer in feature.layers:
                archive.track(layer)

    def serve(given: Mapping[str, Any]) -> dict[str, Any]:
        inputs = job.preparing.inputs(given, _filled) if inside else given
        found = job.model(called_with(job.model, inputs), training=False)
        outputs = dict(found) if isinstance(found, Mapping) else {job.outputs[0]: found}
        named = {
            name: tf.identity(one, name)
            for name, one in (job.preparing.outputs(outputs) if inside else outputs).items()
        }
        return {**named, **(_labels(job, outputs) if with_labels else {})}

    archive.add_endpoint("serve", serve, input_signature=[_signature(job, inside, batch)])
    archive.write_out(path, verbose=False)


def _signature(job: Job, inside: bool, batch: int | None) -> dict[str, tf.TensorSpec]:
    if inside:
        return {
            name: tf.TensorSpec((batch, *one.shape), one.dtype, name)
            for name, one in job.preparing.raw.items()
        }
    return {
        name: tf.TensorSpec(
            (batch, *(size if isinstance(size, int) else None for size in one.shape[1:])),
            one.dtype,
            name,
        )
        for name, one in job.typed.inputs.items()
    }


def _filled(x: Any, fill: str) -> Any:
    return tf.where(tf.equal(x, ""), fill, x)


def _labels(job: Job, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The decided label of every row, as `predict` has it."""
    found: dict[str, Any] = {}
    for name, known in job.labels.items():
        loss, values = loss_of(job.compiled.training, name), outputs[name]
        if getattr(loss, "targets", "") == "binary":
            index = tf.cast(
                values > (0.0 if getattr(loss, "from_logits", False) else 0.5), tf.int64
            )
        else:
            index = tf.argmax(values, axis=getattr(loss, "axis", -1))
        table = tf.constant(["" if one is None else one for one in known])
        found[f"{name}_class"] = tf.gather(table, index)
    return found


def served(path: Path, values: Mapping[str, Array]) -> dict[str, Array]:
    """What the signature of a SavedModel gives for values by name."""
    serve = tf.saved_model.load(str(path)).signatures[SIGNATURE]
    return {name: np.asarray(one) for name, one in serve(**tensors(values)).items()}


def texts(values: Array) -> Array:
    """Bytes of TensorFlow's as texts; numbers as they are."""
    if values.dtype.kind != "O":
        return values
    found = [one.decode() if isinstance(one, bytes) else one for one in values.flat]
    return np.array(found, dtype=object).reshape(values.shape)

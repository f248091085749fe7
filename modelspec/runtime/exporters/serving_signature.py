"""SavedModels with a serving signature, over the columns of a row or the inputs of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..data.table import Array
from ..data.targets import loss_of
from .checked_batches import Batch
from .graph_steps import OnText
from .job import Job
from .raw_inputs import identifier, identifiers
from .serving_model import called_with, tensors

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Signature:
    """The arguments of a serving signature."""

    job: Job
    inside: bool
    """Whether it takes the columns of a row."""
    batch: int | None = None
    """The fixed batch size; None for any number."""

    @property
    def names(self) -> dict[str, str]:
        """The name of each argument, by input: TensorFlow accepts only identifiers."""
        return identifiers(tuple(self.job.preparing.raw if self.inside else self.job.typed.inputs))

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        """By argument."""
        shapes = {
            name: (one.shape if self.inside else one.shape[1:], one.dtype)
            for name, one in (
                self.job.preparing.raw if self.inside else self.job.typed.inputs
            ).items()
        }
        return {
            self.names[name]: tf.TensorSpec(
                (self.batch, *(size if isinstance(size, int) else None for size in sizes)),
                dtype,
                self.names[name],
            )
            for name, (sizes, dtype) in shapes.items()
        }

    def values(self, batch: Batch) -> dict[str, Array]:
        """A batch by argument."""
        found = self.job.raw(batch) if self.inside else batch.inputs
        return {self.names[name]: one for name, one in found.items()}


def save(signature: Signature, path: Path, *, with_labels: bool = False) -> None:
    """A SavedModel with this signature."""
    job, inside = signature.job, signature.inside
    archive = keras.export.ExportArchive()
    archive.track(job.model)
    if inside:
        job.preparing.inputs(tensors(job.raw(job.batches[0])), _ON_TEXT)  # builds the layers
        for feature in job.preparing.features.values():
            for layer in feature.kept:
                archive.track(layer)

    def serve(given: Mapping[str, Any]) -> dict[str, Any]:
        named = {name: given[argument] for name, argument in signature.names.items()}
        inputs = job.preparing.inputs(named, _ON_TEXT) if inside else named
        found = job.model(called_with(job.model, inputs), training=False)
        outputs = dict(found) if isinstance(found, Mapping) else {job.outputs[0]: found}
        given_back = job.preparing.outputs(outputs) if inside else outputs
        return {
            **{name: tf.identity(one, identifier(name)) for name, one in given_back.items()},
            **(_labels(job, outputs) if with_labels else {}),
        }

    archive.add_endpoint("serve", serve, input_signature=[signature.specs])
    archive.write_out(path, verbose=False)


_ON_TEXT = OnText(
    lambda x, fill: tf.where(tf.equal(x, ""), fill, x),
    lambda x: tf.strings.lower(x, encoding="utf-8"),
)


def _labels(job: Job, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The chosen label of every row, as in `predict`."""
    found: dict[str, Any] = {}
    for name, known in job.labels.items():
        loss, values = loss_of(job.compiled.training, name), outputs[name]
        axis = getattr(loss, "axis", -1)
        if getattr(loss, "targets", "") == "binary":
            middle, units = 0.0 if getattr(loss, "from_logits", False) else 0.5, 2
            index = tf.cast(values > middle, tf.int64)
        else:
            index, units = tf.argmax(values, axis=axis), values.shape[axis]
        table = tf.constant(_numbered(known, units))
        found[f"{name}_class"] = tf.gather(table, index)
    return found


def _numbered(known: tuple[Any, ...], units: int | None) -> list[Any]:
    """The label of each class; its number if it has no label."""
    more = range(len(known), units or 0)
    if all(isinstance(one, int) for one in known):
        return [*known, *more]
    return [*("" if one is None else str(one) for one in known), *map(str, more)]


class Served:
    """The signature of a loaded SavedModel."""

    def __init__(self, path: Path) -> None:
        self._model = tf.saved_model.load(str(path))  # keeps its resources alive
        self._serve = self._model.signatures[SIGNATURE]

    def __call__(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs for values by argument."""
        found = self._serve(**tensors(values))
        return {name: _texts(np.asarray(one)) for name, one in found.items()}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(self._serve.structured_outputs)


def _texts(values: Array) -> Array:
    """TensorFlow's bytes as strings; numbers unchanged."""
    if values.dtype.kind != "O":
        return values
    found = [one.decode() if isinstance(one, bytes) else one for one in values.flat]
    return np.array(found, dtype=object).reshape(values.shape)

"""Truncates predictions of padded sequences to the length of the sequence: the steps that the mask
of an output excludes were added by `pad`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.compiler.pipeline import Compiled

from ..data.columns import binding_of
from ..data.table import Array
from .prediction_outputs import step_columns
from .prediction_rows import Predictions

if TYPE_CHECKING:
    import keras


class Masks:
    """The masks of a model's outputs, batch by batch."""

    def __init__(self, model: keras.Model, names: Sequence[str]) -> None:
        from ..backend.traced import traced

        self._model, self._names = model, names
        # Only the part of the graph that the masks depend on is computed.
        self._traced = traced(self.of, reduce_retracing=True)

    def __call__(self, batch: Any) -> dict[str, Array]:
        """By output with one mask value per step: the mask, as [rows, steps] of `bool`."""
        return {name: np.asarray(mask) for name, mask in self._traced(batch).items()}

    def of(self, batch: Any) -> dict[str, Any]:
        """The same as tensors."""
        given = self._model(batch, training=False)
        outputs = given if isinstance(given, Mapping) else {self._names[0]: given}
        masks = {name: getattr(value, "_keras_mask", None) for name, value in outputs.items()}
        return {
            name: mask
            for name, mask in masks.items()
            if mask is not None and mask.shape.rank == 2 and outputs[name].shape.rank > 1
        }


def masks_for(model: keras.Model, compiled: Compiled) -> Masks | None:
    """The function for the masks of a batch; None if nothing is padded."""
    bounds = binding_of(compiled).inputs.values()
    if compiled.graph is None or all(bound.pad is None for bound in bounds):
        return None
    return Masks(model, tuple(compiled.graph.outputs))


def ended(found: Predictions, row: Mapping[str, Array], at: int) -> dict[str, Any]:
    """One row of `arrays`; sequences are reduced to the steps that are not padding."""
    kept = {
        column: found.steps[name][at]
        for name in found.steps
        for column in step_columns(found, name)
    }
    return {
        column: list(values[at][kept[column]]) if column in kept else values[at]
        for column, values in row.items()
    }


def blanked(found: Predictions) -> Predictions:
    """The same for a table of text: padding steps are empty."""
    if not found.steps:
        return found

    def blank(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: _blank(values, found.steps.get(name)) for name, values in arrays.items()}

    return replace(
        found,
        outputs=blank(found.outputs),
        classes=blank(found.classes),
        shares=blank(found.shares),
        chosen=blank(found.chosen),
    )


def _blank(values: Array, steps: Array | None) -> Array:
    if steps is None or values.shape[:2] != steps.shape:
        return values
    texts = np.array([str(one) for one in values.ravel()], object).reshape(values.shape)
    texts[~steps] = None
    return texts

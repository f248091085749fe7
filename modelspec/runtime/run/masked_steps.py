"""`class_weight: balanced` for sequences whose padding the model masks: only unmasked steps are
counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Prepared
from ..data.examples import Examples, Part
from ..data.table import Array

if TYPE_CHECKING:
    import keras


def balanced_by_masks(model: keras.Model, prepared: Prepared) -> Prepared:
    """The data with class weights computed from the unmasked steps, in each stage of the training
    too.
    """
    stages = tuple(balanced_by_masks(model, one) for one in prepared.stages)
    return _balanced(model, replace(prepared, stages=stages) if stages else prepared)


def _balanced(model: keras.Model, prepared: Prepared) -> Prepared:
    train = prepared.parts["train"]
    examples = train.examples
    if not examples.balanced:
        return prepared
    training = prepared.compiled.training
    masks = _masks(model, train, training.batch_size if training is not None else 1)
    weights = {
        name: examples.balanced[name].weights(mask)
        for name, mask in masks.items()
        if mask.shape == examples.balanced[name].classes.shape
    }
    if not weights:
        return prepared
    weighed = replace(examples, class_weights={**examples.class_weights, **weights})
    parts = {
        name: replace(part, examples=weighed) if part.examples is examples else part
        for name, part in prepared.parts.items()
    }
    return replace(prepared, parts=parts)


def _masks(model: keras.Model, train: Part, size: int) -> dict[str, Array]:
    """By output with a mask: the unmasked steps of every training example, and all steps of other
    examples. Computed in batches of `size`; the first batch shows whether there are masks.
    """
    from ..data.batches import Feed, steps

    plain = _inputs_alone(train.examples)
    batches = iter(Feed(plain).plain(train.positions, size))
    found: dict[str, Array] = {}
    for step in range(steps(len(train), size)):
        masks = _masks_of(model, next(batches), train.examples)
        if not masks:
            return {}
        chosen = train.positions[step * size : (step + 1) * size]
        for name, mask in masks.items():
            whole = found.setdefault(name, np.ones((train.examples.count, *mask.shape[1:]), bool))
            whole[chosen] = mask
    return found


def _inputs_alone(examples: Examples) -> Examples:
    return replace(examples, targets={}, weights=None, class_weights={}, balanced={}, augment={})


def _masks_of(model: keras.Model, inputs: Any, examples: Examples) -> dict[str, Array]:
    """The masks of the outputs with class weights, for one batch."""
    given = model(inputs, training=False)
    outputs: Mapping[str, Any] = (
        given if isinstance(given, Mapping) else {examples.outputs[0]: given}
    )
    found: dict[str, Array] = {}
    for name in examples.balanced:
        mask = getattr(outputs.get(name), "_keras_mask", None)
        if mask is not None:
            found[name] = np.asarray(mask)
    return found

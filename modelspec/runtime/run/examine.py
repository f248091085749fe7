"""The predictions in the report of a run: computed once, at its end, for a limited number of
examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from ..data import Part
from ..data.split import Positions
from ..data.table import Array
from ..history.findings import Findings, OutputFindings
from .examine_examples import Inputs
from .examine_outputs import kind_of
from .examine_scored import Predicted, Scored

if TYPE_CHECKING:
    from .loop_parts import Loop

MOST: Final = 10_000
"""The maximum number of examples that are predicted."""
_FEWEST: Final = 100
_SHARE: Final = 0.3
"""The share of the training examples, over all epochs: a prediction takes about a third of the time
of a training step, so predictions take at most a tenth of the training time.
"""
_VALUES: Final = 8_000_000
"""The maximum number of output values in memory at once."""
_BATCH: Final = 2_000_000
"""The number of input and output values up to which a batch may be larger than in training."""
_LARGEST_BATCH: Final = 512
_UNKNOWN: Final = 1_000
"""The assumed value of an unknown output size."""
_STREAM: Final = 7
"""Separates these random numbers from others that are derived from the seed."""


def examine(loop: Loop) -> Findings | None:
    """Predictions for the test part, or for the validation part if the run has no test part; None
    for a run that has neither, or if the outputs cannot be displayed.
    """
    name = next((one for one in ("test", "validation") if one in loop.prepared.parts), None)
    compiled = loop.prepared.compiled
    assert compiled.graph is not None
    if name is None:
        return None
    kinds = {
        output: kind
        for output in loop.training.outputs
        if (kind := kind_of(compiled, loop.prepared.state, output)) is not None
    }
    if not kinds:
        return None
    part = loop.prepared.parts[name]
    chosen = Part(part.examples, part.positions[_sample(loop, len(part))])
    held = _predicted(loop, name, chosen)
    inputs = Inputs(loop, name, chosen)
    outputs = [
        _of_output(loop, output, scored, inputs)
        for output, kind in kinds.items()
        if output in held and (scored := kind.scored(held[output])) is not None
    ]
    return Findings(name, len(chosen), len(part), tuple(outputs), inputs.id_name)


def _of_output(loop: Loop, name: str, scored: Scored, inputs: Inputs) -> OutputFindings:
    seed = loop.prepared.compiled.file.seed
    worst, drawn = inputs.chosen(scored, np.random.default_rng([seed, _STREAM]))
    return OutputFindings(
        name, scored.classes, scored.labels, scored.numbers, tuple(worst), tuple(drawn)
    )


def _sample(loop: Loop, count: int) -> Positions:
    """The examples of a part that are predicted: all, or as many as take little time."""
    compiled = loop.prepared.compiled
    assert compiled.graph is not None
    values = sum(map(_size, compiled.graph.outputs.values()))
    trained = loop.epochs_done * loop.prepared.parts["train"].epoch_size
    most = min(MOST, max(_FEWEST, int(_SHARE * trained)), max(1, _VALUES // max(1, values)))
    fixed = _fixed(loop)
    most = max(fixed, most - most % fixed)
    if most >= count:
        return np.arange(count)
    if _is_stateful(loop):
        return np.arange(most)  # the result of an example depends on those before it
    random = np.random.default_rng([compiled.file.seed, _STREAM])
    return np.sort(random.choice(count, most, replace=False))


def _size(tensor: Tensor) -> int:
    sizes = (one if isinstance(one, int) else _UNKNOWN for one in tensor.shape[1:])
    return prod(sizes)


def _fixed(loop: Loop) -> int:
    """The fixed batch size of the model; 1 if it accepts any."""
    graph = loop.prepared.compiled.graph
    assert graph is not None
    return next((one.batch_size for one in graph.graph.inputs or () if one.batch_size), 1)


def _is_stateful(loop: Loop) -> bool:
    from .layer_states import state_variables

    return bool(state_variables(loop.model))


# Predictions --------------------------------------------------------------------------------------


@dataclass
class _Held:
    """The batches of one output."""

    values: list[Array]
    targets: list[Array]
    masks: list[Array]

    def joined(self) -> Predicted:
        return Predicted(
            np.concatenate(self.values),
            np.concatenate(self.targets),
            np.concatenate(self.masks) if self.masks else None,
        )


def _predicted(loop: Loop, name: str, part: Part) -> dict[str, Predicted]:
    """By output: the predictions for the examples, the targets, and the mask."""
    from .layer_states import from_zero

    held: dict[str, _Held] = {}
    with from_zero(loop.model):
        for values, targets, masks in _batches(loop, name, part):
            for output, found in values.items():
                if output not in targets:
                    continue
                one = held.setdefault(output, _Held([], [], []))
                one.values.append(found.astype(np.float32) if _is_half(found) else found)
                one.targets.append(targets[output])
                if output in masks:
                    one.masks.append(masks[output])
    return {output: one.joined() for output, one in held.items()}


def _is_half(values: Array) -> bool:
    return is_float(values.dtype.name) and values.dtype.itemsize < 4


def _batches(
    loop: Loop, name: str, part: Part
) -> Iterator[tuple[dict[str, Array], dict[str, Array], dict[str, Array]]]:
    import tensorflow as tf

    from ..backend.traced import traced

    graph = loop.prepared.compiled.graph
    assert graph is not None
    names, model = tuple(graph.outputs), loop.model

    def compute(batch: Any) -> Any:
        given = model(batch, training=False)
        outputs = given if isinstance(given, Mapping) else {names[0]: given}
        masks = {key: getattr(value, "_keras_mask", None) for key, value in outputs.items()}
        known = {key: mask for key, mask in masks.items() if mask is not None}
        return {key: tf.convert_to_tensor(value) for key, value in outputs.items()}, known

    run = traced(compute, reduce_retracing=True)
    for batch in loop.feed(name).plain(part.positions, _batch_size(loop)):
        inputs, targets = batch[0], batch[1]
        wanted = targets if isinstance(targets, Mapping) else {names[0]: targets}
        values, masks = run(inputs)
        yield _arrays(values), _arrays(wanted), _arrays(masks)


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.asarray(value) for name, value in tensors.items()}


def _batch_size(loop: Loop) -> int:
    """The batch size of the training, or a larger one for small examples."""
    graph, size = loop.prepared.compiled.graph, loop.training.batch_size
    assert graph is not None
    if _fixed(loop) > 1:
        return _fixed(loop)
    tensors = [*graph.inputs.values(), *graph.outputs.values()]
    return max(size, min(_LARGEST_BATCH, _BATCH // max(1, sum(map(_size, tensors)))))

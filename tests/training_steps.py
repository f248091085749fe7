"""Two steps of the training of a spec, with its callbacks, and a step of its validation, on data that
are drawn to fit the inputs and the losses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

import modelspec as ms
from modelspec.catalog.components.metric import Metric
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer.shared import nested
from modelspec.compiler.rules.graph_walk import distinct
from modelspec.core.dtypes import is_float

Array = np.ndarray[Any, Any]
BATCH = 4
"""Examples in a step."""
UNKNOWN = (6, 4, 3, 8, 1, 16, 5, 32)
"""What unknown sizes are in the data: a model may be for one of them alone."""
MIXED = 25
"""How many ways of making each unknown size another one are tried, where none of these does."""
NOT_FINITE = "NotFinite"
"""What a training says whose numbers are none: the spec is right, and the data or the settings do not
suit it.
"""
STEPS = 2
INDICES = 2
"""Whole numbers in the data are below it, and below the rows of every table of the model."""
Sizes: TypeAlias = "dict[Any, int]"
"""What each unknown size is: by its name, or by the input and the axis."""


@dataclass(frozen=True)
class Trained:
    """What became of a spec."""

    passed: bool
    """Whether `check` found no error."""
    error: str = ""
    """What training it said; empty where two steps went well."""
    codes: tuple[str, ...] = ()
    """The errors that `check` found."""


def trained(spec: dict[str, Any]) -> Trained:
    """Build and take two steps of a spec, where `check` finds no error, and measure once."""
    report = ms.check(spec)
    codes = tuple(one.code for one in report.diagnostics if one.severity == "error")
    if codes:
        return Trained(False, codes=codes)
    return Trained(True, failure(ms.load_spec(spec).compiled))


def failure(compiled: Any, mixed: int = MIXED) -> str:
    """What building and training a compiled spec says where it fails, whatever its unknown sizes
    are; up to `mixed` ways of making each another one are tried.
    """
    first = ""
    for sizes in _unknown_sizes(compiled, mixed):
        try:
            take_steps(compiled, sizes)
        except Exception as error:  # noqa: BLE001  # whatever Keras or TensorFlow raises is the finding
            first = first or " ".join(f"{type(error).__name__}: {error}".split())
        else:
            return ""
    return first


def _unknown_sizes(compiled: Any, mixed: int = MIXED) -> Iterator[Sizes]:
    """What the unknown sizes may be: all the same, or each one of the numbers in the model."""
    inputs = compiled.graph.graph.inputs
    keys = {
        size or (one.name, axis): None
        for one in inputs
        for axis, size in enumerate(one.shape)
        if not isinstance(size, int)
    }
    if not keys:
        yield {}
        return
    yield from (dict.fromkeys(keys, size) for size in UNKNOWN)
    written = sorted(_numbers(compiled))
    for sizes in islice(product(written, repeat=len(keys)), mixed):
        yield dict(zip(keys, sizes, strict=True))


def _numbers(compiled: Any) -> set[int]:
    """The whole numbers that layers have for settings, as far as data can be of such a size."""
    layers = (layer for typed in distinct(compiled.graph) for layer in _layers(typed))
    found = (_whole(value) for layer in layers for _, value in layer)
    return {number for numbers in found for number in numbers if 0 < number <= 32}


def _whole(value: Any) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _whole(one)


def _layers(typed: Any) -> Iterator[Layer]:
    for call in typed.layers:
        if isinstance(call.call.callee, Layer):
            yield from nested(call.call.callee)


def take_steps(compiled: Any, unknown: Sizes) -> None:
    """Raises whatever building and two steps raise."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.backend import build
    from modelspec.runtime.backend.compile_model import callbacks
    from modelspec.runtime.run.epoch_callbacks import History
    from modelspec.runtime.run.events import Watcher
    from modelspec.runtime.run.session import with_paths_in
    from modelspec.runtime.run.training_loop import Fitting, Task
    from modelspec.runtime.run.training_state import kept

    keras.utils.clear_session(free_memory=False)
    model = build(compiled)
    rows = _rows(compiled, model, unknown)
    data = tf.data.Dataset.from_tensors(rows).repeat()
    task = Task(1, STEPS, lambda epoch, step: data, data, 1)
    with TemporaryDirectory() as folder:
        training = with_paths_in(Path(folder), compiled.training)
        called = kept(training.callbacks, callbacks(training))
        history = History(None, Watcher(), BATCH)
        Fitting(model, task, history=history, callbacks=called, on_nan="skip").run()


def runs(compiled: Any) -> bool:
    """Whether a built model computes its outputs of data, for some unknown sizes."""
    from modelspec.runtime.backend import build

    for unknown in _unknown_sizes(compiled):
        try:
            build(compiled)(_inputs(compiled, unknown, np.random.default_rng(0)))
        except Exception:  # noqa: BLE001  # Keras raises whatever the layer does
            continue
        return True
    return False


def _inputs(compiled: Any, unknown: Sizes, rng: np.random.Generator) -> Any:
    values = _taken(compiled)
    inputs = {one.name: _drawn(one, rng, unknown, values) for one in compiled.graph.graph.inputs}
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _taken(compiled: Any) -> dict[str, Any]:
    """Texts and whole numbers that every layer takes: those in a vocabulary, where it has no place
    for others, or in a table.
    """
    layers = [layer for typed in distinct(compiled.graph) for layer in _layers(typed)]
    rows = min((one.looks_up({}) or INDICES for one in layers), default=INDICES)
    found: dict[str, Any] = {"string": ["a", "b c", "d"], "int": range(min(rows, INDICES))}
    for one in layers:
        known = getattr(one, "vocabulary", None)
        if isinstance(known, tuple) and getattr(one, "num_oov_indices", 1) == 0:
            found["string" if isinstance(known[0], str) else "int"] = known
    return found


def _rows(compiled: Any, model: Any, unknown: Sizes) -> tuple[Any, ...]:
    graph, training = compiled.graph, compiled.training
    rng = np.random.default_rng(0)
    inputs = _inputs(compiled, unknown, rng)
    made = model(inputs, training=False)
    outputs = made if isinstance(made, dict) else {next(iter(graph.outputs)): made}
    targets = {
        name: _targets(training.losses[name].settings.targets, tuple(made.shape), rng)
        for name, made in outputs.items()
        if name in training.losses
    }
    for name, output in outputs.items():
        if name not in targets:
            metrics = training.metrics.get(name, ()) or training.weighted_metrics.get(name, ())
            targets[name] = _unlearned(metrics, output, rng)
    weights = {name: rng.uniform(0, 2, len(one)).astype("float32") for name, one in targets.items()}
    rows = (targets, weights) if _weighs(training, outputs) else (targets,)
    if not isinstance(made, dict):
        rows = tuple(next(iter(one.values())) for one in rows)
    return inputs, *rows


def _unlearned(metrics: Any, output: Any, rng: np.random.Generator) -> Any:
    """The targets of an output without a loss: as its first metric takes them, or anything."""
    shape = tuple(output.shape)
    found = [one.settings for one in metrics if isinstance(one.settings, Metric)]
    return _targets(found[0].takes if found else "numbers", shape, rng)


def _weighs(training: Any, outputs: Any) -> bool:
    """Whether examples have weights: for their classes, or for metrics, where the losses take them
    too.
    """
    if training.class_weights or not training.weighted_metrics:
        return bool(training.class_weights)
    return all(
        loss.settings.reduced and loss.settings.keeps_examples(tuple(outputs[name].shape))
        for name, loss in training.losses.items()
    )


def _drawn(declared: Any, rng: np.random.Generator, unknown: Sizes, values: Any) -> Any:
    import tensorflow as tf

    sizes = (
        size if isinstance(size, int) else unknown[size or (declared.name, axis)]
        for axis, size in enumerate(declared.shape)
    )
    shape = (declared.batch_size or BATCH, *sizes)
    if declared.dtype == "string":
        return tf.constant(rng.choice(values["string"], shape))
    if is_float(declared.dtype):
        return tf.cast(rng.uniform(0, 1, shape), declared.dtype)
    return tf.cast(rng.choice(values["int"], shape), declared.dtype)


def _targets(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """For outputs of the shape."""
    import tensorflow as tf

    classes = shape[-1] if len(shape) > 1 else 2
    if len(shape) == 1 and kind in ("indices", "identities"):
        return tf.constant(rng.integers(0, classes, shape))
    if kind == "indices":
        return tf.constant(rng.integers(0, classes, shape[:-1]))
    if kind == "sequences":
        return tf.constant(rng.integers(1, max(shape[-1], 2), (shape[0], 2)), "int32")
    if kind == "identities":
        return tf.constant(rng.integers(0, 2, shape[:-1]))
    if kind == "one_hot":
        return tf.constant(np.eye(classes)[rng.integers(0, classes, shape[:-1])], "float32")
    if kind == "binary":
        return tf.constant(rng.integers(0, 2, shape), "float32")
    return tf.constant(rng.uniform(0, 1, shape), "float32")

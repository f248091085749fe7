"""Two steps of the training of a spec, with its callbacks, and a step of its validation, on data that
are drawn to fit the inputs and the losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import modelspec as ms
from modelspec.core.dtypes import is_float

Array = np.ndarray[Any, Any]
BATCH = 4
"""Examples in a step."""
UNKNOWN = (6, 4, 3, 8, 1, 16)
"""What unknown sizes are in the data: a model may be for one of them alone."""
NOT_FINITE = "NotFinite"
"""What a training says whose numbers are none: the spec is right, and the data or the settings do not
suit it.
"""
STEPS = 2


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


def failure(compiled: Any) -> str:
    """What building and training a compiled spec says where it fails, whatever its unknown sizes
    are.
    """
    first = ""
    for unknown in UNKNOWN if _has_unknown(compiled) else UNKNOWN[:1]:
        try:
            take_steps(compiled, unknown)
        except Exception as error:  # noqa: BLE001  # whatever Keras or TensorFlow raises is the finding
            first = first or " ".join(f"{type(error).__name__}: {error}".split())
        else:
            return ""
    return first


def _has_unknown(compiled: Any) -> bool:
    return any(
        not isinstance(size, int) for one in compiled.graph.graph.inputs for size in one.shape
    )


def take_steps(compiled: Any, unknown: int = UNKNOWN[0]) -> None:
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

    keras.backend.clear_session()
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

    for unknown in UNKNOWN if _has_unknown(compiled) else UNKNOWN[:1]:
        try:
            build(compiled)(_inputs(compiled, unknown, np.random.default_rng(0)))
        except Exception:  # noqa: BLE001  # Keras raises whatever the layer does
            continue
        return True
    return False


def _inputs(compiled: Any, unknown: int, rng: np.random.Generator) -> Any:
    inputs = {one.name: _drawn(one, rng, unknown) for one in compiled.graph.graph.inputs}
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _rows(compiled: Any, model: Any, unknown: int) -> tuple[Any, ...]:
    graph, training = compiled.graph, compiled.training
    rng = np.random.default_rng(0)
    inputs = _inputs(compiled, unknown, rng)
    made = model(inputs)
    outputs = made if isinstance(made, dict) else {next(iter(graph.outputs)): made}
    targets = {
        name: _targets(training.losses[name].settings, tuple(made.shape), rng)
        for name, made in outputs.items()
        if name in training.losses
    }
    weights = {name: rng.uniform(0, 2, len(one)).astype("float32") for name, one in targets.items()}
    rows = (targets, weights) if _weighs(training) else (targets,)
    if not isinstance(made, dict):
        rows = tuple(next(iter(one.values())) for one in rows)
    return inputs, *rows


def _weighs(training: Any) -> bool:
    return bool(training.class_weights or training.weighted_metrics)


def _drawn(declared: Any, rng: np.random.Generator, unknown: int) -> Any:
    import tensorflow as tf

    batch = declared.batch_size or BATCH
    shape = (batch, *(size if isinstance(size, int) else unknown for size in declared.shape))
    if declared.dtype == "string":
        return tf.constant(rng.choice(["a", "b c", "d"], shape))
    if is_float(declared.dtype):
        return tf.cast(rng.uniform(0, 1, shape), declared.dtype)
    return tf.cast(rng.integers(0, 2, shape), declared.dtype)


def _targets(loss: Any, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """For outputs of the shape."""
    import tensorflow as tf

    classes = shape[-1] if len(shape) > 1 else 2
    if loss.targets == "indices":
        return tf.constant(rng.integers(0, classes, shape[:-1]))
    if loss.targets == "identities":
        return tf.constant(rng.integers(0, 2, shape[:-1]))
    if loss.targets == "one_hot":
        return tf.constant(np.eye(classes)[rng.integers(0, classes, shape[:-1])], "float32")
    if loss.targets == "binary":
        return tf.constant(rng.integers(0, 2, shape), "float32")
    return tf.constant(rng.uniform(0, 1, shape), "float32")

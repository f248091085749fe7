"""Random specs with a training, and two steps of the training of what `check` passes.

A drawn spec is a call of a layer near one of its examples (as for the oracle of layers), a head, and
a loss, metrics and an optimizer with settings drawn from the catalogue. The data are drawn to fit
the inputs and the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.components import LOSSES, METRICS, OPTIMIZERS
from modelspec.catalog.layers.layer import NAMED
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from .drawing_parts import as_input, buildable
from .oracle import values
from .oracle.case import KINDS, Case, layer_class
from .oracle.strategies import cases, chances

Array = np.ndarray[Any, Any]
BATCH, UNKNOWN = 4, 6
"""Examples in a step, and what an unknown size is in the data."""
PRECISIONS = ("float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
ALONE = tuple(
    kind
    for kind in KINDS
    if not layer_class(kind).not_in_models and layer_class(kind).arguments != NAMED
)
"""Layers that a model may have by themselves."""
METRIC_SETTINGS: dict[str, dict[str, Any]] = {
    "FBetaScore": {"average": "macro"},
    "F1Score": {"average": "macro"},
    "IoU": {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
NOT_DRAWN = ("Expression", "CTC", "Circle", "MultiOptimizer", "LossScaleOptimizer")


def kinds(family: Any) -> list[str]:
    """The members of a family, by their class names."""
    found = (family.find(name) for name in family.names())
    return sorted({one.kind() for one in found if one is not None} - set(NOT_DRAWN))


# Specs --------------------------------------------------------------------------------------------


@st.composite
def trained_specs(draw: st.DrawFn, kind: str | None = None) -> dict[str, Any]:
    """A spec of one layer of the kind (of any kind), a head, and a training."""
    case = draw(cases(kind or draw(st.sampled_from(ALONE))))
    inputs: dict[str, Any] = {}
    layer = _entry(case, inputs)
    layers, output = [layer], "drawn"
    if draw(chances(75)):
        units = draw(st.sampled_from([1, 3]))
        activation = draw(st.sampled_from(["linear", "sigmoid", "softmax", "relu", "tanh"]))
        layers += draw(st.sampled_from([["Flatten"], ["Flatten"], [], ["Dropout"]]))
        layers.append({"Dense": {"units": units, "activation": activation, "name": "head"}})
        output = "head"
    spec: dict[str, Any] = {
        "model": {"inputs": inputs, "layers": layers, "outputs": output},
        "training": draw(trainings()),
    }
    if draw(chances(35)):
        spec["runtime"] = {"precision": draw(st.sampled_from(PRECISIONS))}
    return spec


def _entry(case: Case, inputs: dict[str, Any]) -> dict[str, Any]:
    """The call as a spec writes it; its tensors become inputs."""
    source = {}
    for argument, given in case.inputs.items():
        tensors = (given,) if isinstance(given, Tensor) else given
        names = []
        for tensor in tensors:
            names.append(f"x{len(inputs)}")
            inputs[names[-1]] = as_input(tensor)
        source[argument] = names[0] if isinstance(given, Tensor) else names
    first = next(iter(source.values()))
    taken = first if len(source) == 1 else source
    settings = {name: value for name, value in buildable(case.settings).items() if name != "name"}
    call = {"call": case.options} if case.options else {}
    return {case.kind: {**settings, "name": "drawn", "from": taken, **call}}


@st.composite
def trainings(draw: st.DrawFn) -> dict[str, Any]:
    loss = draw(_member(LOSSES))
    found: dict[str, Any] = {"loss": loss, "batch_size": BATCH}
    if draw(chances(60)):
        found["metrics"] = draw(st.lists(_member(METRICS), min_size=1, max_size=2))
    if draw(chances(20)):
        found["weighted_metrics"] = [draw(_member(METRICS))]
    if draw(chances(60)):
        found["optimizer"] = draw(_member(OPTIMIZERS))
    if draw(chances(10)):
        found["freeze"] = ["drawn"]
    return found


@st.composite
def _member(draw: st.DrawFn, family: Any) -> Any:
    """A loss, a metric or an optimizer with some of its settings."""
    kind = draw(st.sampled_from(kinds(family)))
    settings = METRIC_SETTINGS.get(kind, {}) if family is METRICS else {}
    settings = draw(values.changed(family.find(kind), settings))
    return {kind: settings} if settings else kind


# Training -----------------------------------------------------------------------------------------


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
    try:
        take_steps(spec)
    except Exception as error:  # noqa: BLE001  # whatever Keras or TensorFlow raises is the finding
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Trained(True, said)
    return Trained(True)


def take_steps(spec: dict[str, Any]) -> None:
    """Raises whatever building and two steps raise."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.backend import build
    from modelspec.runtime.run.step import TestSteps, TrainingSteps

    keras.backend.clear_session()
    compiled = ms.load_spec(spec).compiled
    model = build(compiled)
    rows = _rows(compiled, model, np.random.default_rng(0))
    data = tf.data.Dataset.from_tensors(rows).repeat()
    iterator = iter(data)
    steps = TrainingSteps(model, roll_back=False)
    steps.make_variables(iterator)
    logs = dict(steps(iterator, 2).logs)
    test = TestSteps(model)
    with test.measuring():
        logs |= test(iter(data), 1)
    for value in logs.values():
        float(value)


def _rows(compiled: Any, model: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    graph = compiled.graph
    inputs = {one.name: _drawn(one, rng) for one in graph.graph.inputs}
    if len(inputs) == 1:
        inputs = next(iter(inputs.values()))
    [name] = graph.outputs
    shape = tuple(model(inputs).shape)
    return inputs, _targets(compiled.training.losses[name].settings, shape, rng)


def _drawn(declared: Any, rng: np.random.Generator) -> Any:
    import tensorflow as tf

    batch = declared.batch_size or BATCH
    shape = (batch, *(size if isinstance(size, int) else UNKNOWN for size in declared.shape))
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
    if loss.targets == "one_hot":
        return tf.constant(np.eye(classes)[rng.integers(0, classes, shape[:-1])], "float32")
    if loss.targets == "binary":
        return tf.constant(rng.integers(0, 2, shape), "float32")
    return tf.constant(rng.uniform(0, 1, shape), "float32")

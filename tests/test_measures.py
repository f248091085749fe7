"""Losses and metrics against float64 NumPy: masks, weights, ignored classes, several outputs, short
last batches, half precision.

Predictions go through a model that changes nothing, so that each number follows from the arrays
below alone. A row of `PROBLEMS` is one head; every metric beside it is computed by `ORACLE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from .metric_oracle import ORACLE, Array, class_crossentropy, crossentropy, mean, units_mean

pytestmark = pytest.mark.tensorflow

EXAMPLES, STEPS, UNITS, BATCH = 37, 5, 4, 8
NUMBERS = (
    "MeanSquaredError",
    "MeanAbsoluteError",
    "RootMeanSquaredError",
    "MeanSquaredLogarithmicError",
    "LogCoshError",
)
YES_NO = (
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "TruePositives",
    "FalsePositives",
    "TrueNegatives",
    "FalseNegatives",
    "Precision",
    "Recall",
    "AUC",
)
CLASSES = ("SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "MeanIoU")


# Problems -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One head, and what is special about its data."""

    metrics: tuple[str, ...]
    loss: str
    axes: tuple[int, ...] = ()
    """Axes between the batch and the units."""
    units: int = UNITS
    masked: bool = False
    weighted: bool = False
    ignore_class: int | None = None
    precision: str = "float32"


PROBLEMS = {
    "numbers": Problem(NUMBERS, "MeanSquaredError"),
    "numbers, weighted": Problem(NUMBERS, "MeanSquaredError", weighted=True),
    "sequences of numbers, masked": Problem(NUMBERS, "MeanSquaredError", (STEPS,), masked=True),
    "sequences of numbers, masked and weighted": Problem(
        NUMBERS, "MeanSquaredError", (STEPS,), masked=True, weighted=True
    ),
    "as many steps as a batch has examples, weighted": Problem(
        NUMBERS, "MeanAbsoluteError", (BATCH,), weighted=True
    ),
    "images of numbers, weighted": Problem(NUMBERS, "MeanSquaredError", (3, 2), weighted=True),
    "yes or no": Problem(YES_NO, "BinaryCrossentropy", units=1, weighted=True),
    "several labels": Problem(YES_NO, "BinaryCrossentropy", weighted=True),
    "a yes or no a step, masked": Problem(
        YES_NO, "BinaryCrossentropy", (STEPS,), units=1, masked=True
    ),
    "several labels a step, masked and weighted": Problem(
        YES_NO, "BinaryCrossentropy", (STEPS,), masked=True, weighted=True
    ),
    "pixels": Problem(YES_NO, "BinaryCrossentropy", (3, 2), units=1, weighted=True),
    "classes": Problem(CLASSES, "SparseCategoricalCrossentropy", weighted=True),
    "a class a step, masked": Problem(
        CLASSES, "SparseCategoricalCrossentropy", (STEPS,), masked=True, weighted=True
    ),
    "a class a pixel": Problem(CLASSES, "SparseCategoricalCrossentropy", (3, 2), weighted=True),
    "a class a step, one ignored": Problem(
        CLASSES, "SparseCategoricalCrossentropy", (STEPS,), ignore_class=-1, weighted=True
    ),
    "a class a pixel, one of them ignored": Problem(
        CLASSES, "SparseCategoricalCrossentropy", (3, 2), ignore_class=1
    ),
    "numbers in half precision": Problem(
        NUMBERS[:3], "MeanSquaredError", precision="mixed_float16"
    ),
}


@dataclass(frozen=True)
class Drawn:
    """The arrays of a problem, and the weight that every value has in the end."""

    predictions: Array
    targets: Array
    mask: Array | None
    weights: Array | None

    def counted(self, *, weighted: bool, ignored: int | None) -> Array:
        """What each value counts: 0 where it is padding or ignored."""
        found = np.ones(self.predictions.shape[:-1])
        if self.mask is not None:
            found = found * self.mask
        if ignored is not None:
            found = found * (self.targets != ignored)
        if weighted and self.weights is not None:
            found = found * self.weights.reshape(-1, *(1,) * (found.ndim - 1))
        return found


def drawn(problem: Problem, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    shape = (EXAMPLES, *problem.axes, problem.units)
    predictions = rng.uniform(0.02, 0.98, shape)
    if problem.metrics == NUMBERS[: len(problem.metrics)]:
        targets = rng.uniform(0, 3, shape)
        if problem.precision != "float32":
            predictions, targets = predictions * 300 + 100, targets + 900
    elif problem.metrics == YES_NO:
        targets = (rng.random(shape) < predictions).astype(float)
    else:
        predictions /= predictions.sum(-1, keepdims=True)
        targets = rng.integers(0, problem.units, shape[:-1]).astype(float)
        if problem.ignore_class == -1:
            targets[rng.random(targets.shape) < 0.3] = -1
    mask = None
    if problem.masked:
        lengths = rng.integers(1, STEPS + 1, EXAMPLES)
        mask = np.arange(STEPS) < lengths[:, None]
    weights = rng.uniform(0.1, 3, EXAMPLES) if problem.weighted else None
    return Drawn(predictions, targets, mask, weights)


def model_of(problem: Problem) -> Any:
    """A model whose output is its input: `mask` says which steps count, as a layer would."""
    import keras

    class Marked(keras.layers.Layer):
        """Gives its first input the second one as its mask."""

        def call(self, inputs: Any) -> Any:
            return inputs[0]

        def compute_mask(self, inputs: Any, previous: Any) -> Any:
            return keras.ops.cast(inputs[1], "bool")

    shape = (*problem.axes, problem.units)
    given = keras.Input(shape, name="given")
    inputs = [given]
    output = given
    if problem.masked:
        inputs.append(keras.Input((STEPS,), name="mask"))
        output = Marked()(inputs)
    output = keras.layers.Identity(dtype=problem.precision, name="out")(output)
    model = keras.Model(inputs, output)
    ignored = {} if problem.ignore_class is None else {"ignore_class": problem.ignore_class}
    model.compile(
        loss=getattr(keras.losses, problem.loss)(**ignored),
        metrics=[metric(name, problem, "plain") for name in problem.metrics],
        weighted_metrics=[metric(name, problem, "weighted") for name in problem.metrics],
    )
    return model


def metric(name: str, problem: Problem, kind: str) -> Any:
    import keras

    logged = f"{kind}_{name}"
    if name == "MeanIoU":  # its own dtype is an integer, which cuts weights off
        return keras.metrics.MeanIoU(
            problem.units, sparse_y_pred=False, name=logged, dtype="float64"
        )
    return getattr(keras.metrics, name)(name=logged)


def measured(model: Any, problem: Problem, data: Drawn) -> dict[str, float]:
    """What the steps of the runner give, batch by batch, the last one short."""
    import tensorflow as tf

    from modelspec.runtime.run.step import TestSteps

    def single(values: Array) -> Any:
        return values.astype("float32")

    inputs: Any = single(data.predictions)
    if data.mask is not None:
        inputs = (inputs, single(data.mask))
    arrays = (inputs, single(data.targets))
    if data.weights is not None:
        arrays = (*arrays, single(data.weights))
    batches = tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH)
    logs = TestSteps(model)(iter(batches), -(-EXAMPLES // BATCH))
    return {name: float(value) for name, value in logs.items()}


@cache
def measured_once(name: str) -> dict[str, float]:
    """The loss and the metrics of a problem, which several tests read."""
    problem = PROBLEMS[name]
    return measured(model_of(problem), problem, drawn(problem, seed=len(name)))


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_metric_is_that_of_numpy(name: str) -> None:
    problem = PROBLEMS[name]
    data = drawn(problem, seed=len(name))
    found = measured_once(name)
    predictions = data.predictions
    if problem.precision != "float32":
        predictions = predictions.astype(np.float16).astype(float)
    targets = np.where(data.targets == problem.ignore_class, 0, data.targets)
    wrong = {}
    for metric in problem.metrics:
        for kind in ("plain", "weighted"):
            counted = data.counted(weighted=kind == "weighted", ignored=problem.ignore_class)
            expected = ORACLE[metric](targets, predictions, counted)
            if found[f"{kind}_{metric}"] != pytest.approx(expected, rel=1e-5, abs=1e-6):
                wrong[f"{kind} {metric}"] = (found[f"{kind}_{metric}"], expected)
    assert not wrong


def per_value(problem: Problem, y: Array, p: Array) -> Array:
    """The loss of each example, step or pixel."""
    if problem.loss == "MeanSquaredError":
        return units_mean((y - p) ** 2)
    if problem.loss == "MeanAbsoluteError":
        return units_mean(abs(y - p))
    return crossentropy(y, p) if problem.metrics == YES_NO else class_crossentropy(y, p)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_loss_is_the_mean_over_all_values_that_count(name: str) -> None:
    """However they are cut into batches. The weights multiply and do not divide."""
    problem = PROBLEMS[name]
    data = drawn(problem, seed=len(name))
    found = measured_once(name)["loss"]
    predictions = data.predictions
    if problem.precision != "float32":
        predictions = predictions.astype(np.float16).astype(float)
    targets = np.where(data.targets == problem.ignore_class, 0, data.targets)
    values = per_value(problem, targets, predictions)
    weights = data.counted(weighted=True, ignored=problem.ignore_class)
    kept = data.counted(weighted=False, ignored=problem.ignore_class)
    assert found == pytest.approx(float((values * weights).sum() / kept.sum()), rel=1e-5)


@pytest.mark.parametrize("name", ["a class a step, one ignored", "numbers, weighted"])
def test_what_was_counted(name: str) -> None:
    """Of 37 examples, or of their steps, those that the loss does not ignore."""
    import tensorflow as tf

    from modelspec.runtime.run.step import Counted, TestSteps

    problem = PROBLEMS[name]
    data = drawn(problem, seed=len(name))
    arrays = [one.astype("float32") for one in (data.predictions, data.targets)]
    steps = TestSteps(model_of(problem))
    batches = tf.data.Dataset.from_tensor_slices(tuple(arrays)).batch(BATCH)
    for _ in range(2):
        iterator = iter(batches)
        with steps.measuring():
            steps(iterator, 3)
            steps(iterator, -(-EXAMPLES // BATCH) - 3)
    kept = data.counted(weighted=False, ignored=problem.ignore_class)
    assert steps.counted == {"out": Counted(kept.size, int(kept.sum()))}


def test_a_loss_that_divides_by_the_weights_does_so_over_all_batches() -> None:
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.step import TestSteps

    rng = np.random.default_rng(5)
    p, y, w = rng.normal(size=(EXAMPLES, 3)), rng.normal(size=(EXAMPLES, 3)), rng.random(EXAMPLES)
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Identity()(given))
    model.compile(loss=keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    rows = tuple(one.astype("float32") for one in (p, y, w))
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)
    logs = TestSteps(model)(iter(batches), -(-EXAMPLES // BATCH))
    assert float(logs["loss"]) == pytest.approx(mean(units_mean((y - p) ** 2), w), rel=1e-5)


def test_an_output_without_a_loss_is_weighed_in_its_metrics_alone() -> None:
    """Where another output has a loss: the weights of the first change no loss."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.step import TestSteps

    rng = np.random.default_rng(7)
    shape = (EXAMPLES, 3)
    p, q, y, z = (rng.normal(size=shape).astype("float32") for _ in range(4))
    v, w = (rng.uniform(0, 2, EXAMPLES).astype("float32") for _ in range(2))
    inputs = {name: keras.Input((3,), name=name) for name in ("a", "b")}
    outputs = {f"{name}_out": keras.layers.Identity()(one) for name, one in inputs.items()}
    model = keras.Model(inputs, outputs)
    model.compile(
        loss={"a_out": keras.losses.MeanSquaredError()},
        weighted_metrics={"b_out": [keras.metrics.MeanSquaredError(name="mse")]},
    )
    rows = {"a": p, "b": q}, {"a_out": y, "b_out": z}, {"a_out": v, "b_out": w}
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)
    logs = TestSteps(model)(iter(batches), -(-EXAMPLES // BATCH))
    assert float(logs["loss"]) == pytest.approx((units_mean((y - p) ** 2) * v).mean(), rel=1e-5)
    assert float(logs["b_out_mse"]) == pytest.approx(mean(units_mean((z - q) ** 2), w), rel=1e-5)


def test_margins_beside_metrics_of_labels() -> None:
    """A hinge loss with targets -1 and 1: metrics whose targets are 0 and 1 get those."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.step import TestSteps

    rng = np.random.default_rng(6)
    p = rng.normal(size=(EXAMPLES, 2))
    y = np.where(p + rng.normal(size=p.shape) > 0, 1, -1)
    given = keras.Input((2,))
    model = keras.Model(given, keras.layers.Identity()(given))
    model.compile(
        loss=keras.losses.Hinge(),
        metrics=[
            keras.metrics.BinaryAccuracy(threshold=0, name="right"),
            keras.metrics.Precision(thresholds=0, name="precision"),
            keras.metrics.MeanAbsoluteError(name="mae"),
        ],
    )
    rows = tuple(one.astype("float32") for one in (p, y))
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)
    logs = TestSteps(model)(iter(batches), -(-EXAMPLES // BATCH))
    said, yes = p > 0, y > 0
    expected = {
        "right": (said == yes).mean(),
        "precision": (said & yes).sum() / said.sum(),
        "mae": abs(y - p).mean(),
        "loss": np.maximum(1 - y * p, 0).mean(),
    }
    assert {name: float(logs[name]) for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_parts_of_the_loss_count_examples_or_what_is_left_of_them(masked: bool) -> None:
    """Of two outputs, over batches of which the last is short; the total is their weighted sum, and
    the mean of what layers add to it.
    """
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.step import TestSteps

    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(EXAMPLES, 2)), rng.normal(size=(EXAMPLES, STEPS, 3))
    ya, yb = rng.normal(size=a.shape), rng.normal(size=b.shape)
    wa, wb = rng.uniform(0, 2, EXAMPLES), rng.uniform(0, 2, EXAMPLES)
    inputs = {
        "zeta": keras.Input((2,), name="zeta"),
        "alpha": keras.Input((STEPS, 3), name="alpha"),
    }
    outputs = {f"{name}_out": keras.layers.Identity()(one) for name, one in inputs.items()}
    kept = np.ones(b.shape[:2])
    if masked:
        kept = np.arange(STEPS) < rng.integers(1, STEPS + 1, EXAMPLES)[:, None]
        b[~kept] = 0
        marked = keras.layers.Masking()(inputs["alpha"])
        outputs["alpha_out"] = keras.layers.Identity()(marked)
    added = keras.layers.ActivityRegularization(l2=0.01)
    outputs["zeta_out"] = added(outputs["zeta_out"])
    model = keras.Model(inputs, outputs)
    model.compile(
        loss={
            "zeta_out": keras.losses.MeanSquaredError(),
            "alpha_out": keras.losses.MeanAbsoluteError(),
        },
        loss_weights={"zeta_out": 2.0, "alpha_out": 0.3},
        metrics={"alpha_out": ["mse"]},
    )
    rows = (
        {"zeta": a, "alpha": b},
        {"zeta_out": ya, "alpha_out": yb},
        {"zeta_out": wa, "alpha_out": wb},
    )
    rows = tf.nest.map_structure(lambda one: one.astype("float32"), rows)
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)
    logs = TestSteps(model)(iter(batches), -(-EXAMPLES // BATCH))
    zeta = float((units_mean((a - ya) ** 2) * wa).mean())
    alpha = float((units_mean(abs(b - yb)) * wb[:, None] * kept).sum() / kept.sum())
    # Keras adds the regularization of a batch divided by its examples.
    regularization = 0.01 * float((a**2).sum()) / EXAMPLES
    assert float(logs["zeta_out_loss"]) == pytest.approx(zeta, rel=1e-5)
    assert float(logs["alpha_out_loss"]) == pytest.approx(alpha, rel=1e-5)
    total = 2 * zeta + 0.3 * alpha + regularization
    assert float(logs["loss"]) == pytest.approx(total, rel=1e-5)
    assert float(logs["alpha_out_mse"]) == pytest.approx(
        mean(units_mean((b - yb) ** 2), kept), rel=1e-5
    )

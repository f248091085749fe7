"""Losses and metrics against float64 NumPy: masks, weights, ignored classes, several outputs, short
last batches, half precision.

Predictions go through a model that changes nothing, so that each number follows from the arrays
below alone. A row of `PROBLEMS` is one head; every metric beside it is computed by `ORACLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

EXAMPLES, STEPS, UNITS, BATCH = 37, 5, 4, 8
Array = np.ndarray[Any, Any]


# The oracle: every value has a target, a prediction and a weight ----------------------------------


def mean(values: Array, weights: Array) -> float:
    return float((values * weights).sum() / weights.sum())


def units_mean(values: Array) -> Array:
    """The mean over the units of each example or step."""
    return values.mean(axis=-1)


def crossentropy(y: Array, p: Array) -> Array:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return units_mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def class_crossentropy(y: Array, p: Array) -> Array:
    p = np.clip(p / p.sum(-1, keepdims=True), 1e-7, 1 - 1e-7)
    return -np.log(np.take_along_axis(p, y.astype(int)[..., None], -1)[..., 0])


def counts(y: Array, p: Array, w: Array, threshold: float = 0.5) -> tuple[float, ...]:
    """True positives, false positives, true and false negatives, over all units."""
    w = np.broadcast_to(w[..., None], y.shape)
    said, right = p > threshold, y > 0.5
    pairs = ((said & right), (said & ~right), (~said & ~right), (~said & right))
    return tuple(float(w[pair].sum()) for pair in pairs)


def precision(y: Array, p: Array, w: Array) -> float:
    tp, fp, _, _ = counts(y, p, w)
    return tp / (tp + fp)


def recall(y: Array, p: Array, w: Array) -> float:
    tp, _, _, fn = counts(y, p, w)
    return tp / (tp + fn)


def auc(y: Array, p: Array, w: Array) -> float:
    """The area under 200 thresholds, joined by straight lines."""
    points = []
    for threshold in [-1e-7, *(np.arange(1, 199) / 199), 1 + 1e-7]:
        tp, fp, tn, fn = counts(y, p, w, threshold)
        points.append((fp / (fp + tn), tp / (tp + fn)))
    x, h = np.array(points)[::-1].T
    return float((np.diff(x) * (h[1:] + h[:-1]) / 2).sum())


def mean_iou(y: Array, p: Array, w: Array) -> float:
    said, classes = p.argmax(-1), y.astype(int)
    found = []
    for one in range(p.shape[-1]):
        both = w[(said == one) & (classes == one)].sum()
        either = w[(said == one) | (classes == one)].sum()
        if either > 0:
            found.append(both / either)
    return float(np.mean(found))


ORACLE: dict[str, Callable[[Array, Array, Array], float]] = {
    "MeanSquaredError": lambda y, p, w: mean(units_mean((y - p) ** 2), w),
    "MeanAbsoluteError": lambda y, p, w: mean(units_mean(abs(y - p)), w),
    "RootMeanSquaredError": lambda y, p, w: mean(units_mean((y - p) ** 2), w) ** 0.5,
    "MeanSquaredLogarithmicError": lambda y, p, w: mean(
        units_mean((np.log1p(y.clip(1e-7)) - np.log1p(p.clip(1e-7))) ** 2), w
    ),
    "LogCoshError": lambda y, p, w: mean(units_mean(np.log(np.cosh(p - y))), w),
    "BinaryAccuracy": lambda y, p, w: mean(units_mean((p > 0.5) == (y > 0.5)), w),
    "BinaryCrossentropy": lambda y, p, w: mean(crossentropy(y, p), w),
    "SparseCategoricalAccuracy": lambda y, p, w: mean(p.argmax(-1) == y, w),
    "SparseCategoricalCrossentropy": lambda y, p, w: mean(class_crossentropy(y, p), w),
    "TruePositives": lambda y, p, w: counts(y, p, w)[0],
    "FalsePositives": lambda y, p, w: counts(y, p, w)[1],
    "TrueNegatives": lambda y, p, w: counts(y, p, w)[2],
    "FalseNegatives": lambda y, p, w: counts(y, p, w)[3],
    "Precision": precision,
    "Recall": recall,
    "AUC": auc,
    "MeanIoU": mean_iou,
}
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


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_metric_is_that_of_numpy(name: str) -> None:
    problem = PROBLEMS[name]
    data = drawn(problem, seed=len(name))
    found = measured(model_of(problem), problem, data)
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
def test_the_loss_is_the_mean_over_examples_of_what_each_batch_averages(name: str) -> None:
    """Within a batch Keras divides by the values that count, or by all where none is left out; the
    weights multiply and do not divide. Batches are averaged by their examples.
    """
    problem = PROBLEMS[name]
    data = drawn(problem, seed=len(name))
    found = measured(model_of(problem), problem, data)["loss"]
    predictions = data.predictions
    if problem.precision != "float32":
        predictions = predictions.astype(np.float16).astype(float)
    targets = np.where(data.targets == problem.ignore_class, 0, data.targets)
    values = per_value(problem, targets, predictions)
    weights = data.counted(weighted=True, ignored=problem.ignore_class)
    kept = data.counted(weighted=False, ignored=problem.ignore_class)
    total = 0.0
    for start in range(0, EXAMPLES, BATCH):
        batch = slice(start, start + BATCH)
        count = len(values[batch])
        total += count * (values[batch] * weights[batch]).sum() / kept[batch].sum()
    assert found == pytest.approx(total / EXAMPLES, rel=1e-5)


def test_parts_of_the_loss_count_examples() -> None:
    """Of two outputs, over batches of which the last is short; the total is their weighted sum."""
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
    alpha = float((units_mean(abs(b - yb)) * wb[:, None]).mean())
    assert float(logs["zeta_out_loss"]) == pytest.approx(zeta, rel=1e-5)
    assert float(logs["alpha_out_loss"]) == pytest.approx(alpha, rel=1e-5)
    assert float(logs["loss"]) == pytest.approx(2 * zeta + 0.3 * alpha, rel=1e-5)
    assert float(logs["alpha_out_mse"]) == pytest.approx(float(((b - yb) ** 2).mean()), rel=1e-5)

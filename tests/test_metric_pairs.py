"""Every head beside every loss and every metric of the catalogue: the number that the page of the
metric promises, or an error of `check`.

`HEADS` and `SETTINGS` are all that is chosen here; losses and metrics are those of the catalogue.
Losses that take the same targets in the same way give a metric the same values, so that one of
each kind is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

import modelspec as ms
from modelspec.catalog.components import LOSSES, METRICS
from modelspec.catalog.components.family import read_component
from modelspec.core.settings import Context

from .metric_oracle import ORACLE, Array

EXAMPLES, BATCH = 41, 16
HEADS = {
    "one number": ("linear", 1),
    "one probability": ("sigmoid", 1),
    "one number from -1 to 1": ("tanh", 1),
    "one number from 0": ("relu", 1),
    "numbers": ("linear", 3),
    "probabilities": ("sigmoid", 3),
    "probabilities of classes": ("softmax", 3),
    "numbers from -1 to 1": ("tanh", 3),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "Accuracy": {"name": "exact"},  # `Accuracy` alone is `accuracy`, which follows the shapes
    "F1Score": {"average": "macro"},
    "FBetaScore": {"average": "macro", "beta": 2.0},
    "IoU": {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "TopKCategoricalAccuracy": {"k": 2},
}
"""What a metric needs beside its name."""
FREE = {"Expression": "its formula is its definition"}
TARGETS_OF_THEIR_OWN = {
    "CTC": "sequences of labels of any length",
    "Circle": "identities, and embeddings for outputs",
    "Expression": "its formula says what targets it takes",
}
"""Losses whose targets are none that a metric could compare."""


class Pair(NamedTuple):
    """A head and a loss that `check` takes."""

    head: str
    loss: str
    settings: dict[str, Any]


def kinds(family: Any) -> list[str]:
    """The members of a family, by their class names."""
    found = (family.find(name) for name in family.names())
    return sorted({one.kind() for one in found if one is not None})


def written(kind: str, settings: dict[str, Any]) -> Any:
    return {kind: settings} if settings else kind


def faults(pair: Pair, metrics: list[Any]) -> set[str]:
    """The codes of the errors that `check` finds in a spec of the pair and metrics, and that of the
    warning about a metric of probabilities that are none.
    """
    activation, units = HEADS[pair.head]
    layer = {"Dense": {"units": units, "activation": activation}}
    spec = {
        "model": {"inputs": {"x": [4]}, "layers": [layer]},
        "training": {"loss": written(pair.loss, pair.settings), "metrics": metrics},
    }
    found = ms.check(spec).diagnostics
    return {one.code for one in found if one.severity == "error" or one.code == "MS547"}


@cache
def pairs() -> tuple[Pair, ...]:
    """One loss of each kind for every head."""
    found: dict[tuple[Any, ...], Pair] = {}
    for head in HEADS:
        for kind in kinds(LOSSES):
            if kind in TARGETS_OF_THEIR_OWN:
                continue
            loss = LOSSES.find(kind)
            logits = ({}, {"from_logits": True}) if loss.has_from_logits() else ({},)
            for settings in logits:
                pair = Pair(head, kind, settings)
                if not faults(pair, []):
                    key = (head, loss.targets, loss.of_margins, bool(settings))
                    found.setdefault(key, pair)
    return tuple(found.values())


def accepted(pair: Pair) -> Iterator[str]:
    """The metrics that `check` takes beside the pair."""
    for kind in [*kinds(METRICS), "accuracy"]:
        if kind not in FREE and not faults(pair, [written(kind, SETTINGS.get(kind, {}))]):
            yield kind


def test_the_oracle_has_every_metric() -> None:
    assert set(ORACLE) == set(kinds(METRICS)) - set(FREE)


def outputs(head: str, rng: np.random.Generator) -> Array:
    activation, units = HEADS[head]
    values = rng.normal(size=(EXAMPLES, units))
    if activation == "softmax":
        return np.exp(values) / np.exp(values).sum(-1, keepdims=True)
    functions = {"linear": lambda x: x, "relu": abs, "tanh": np.tanh}
    function = functions.get(activation, lambda x: 1 / (1 + np.exp(-x)))
    return np.asarray(function(values))


def targets(pair: Pair, takes: str, p: Array, rng: np.random.Generator) -> Array:
    """What the loss takes; of a loss of numbers those that the metric takes as well."""
    loss = LOSSES.find(pair.loss)
    wanted = loss.targets if loss.targets != "numbers" else takes
    classes = (p + rng.normal(size=p.shape) / 3).argmax(-1)
    if wanted == "indices":
        return classes
    if wanted == "one_hot" or (wanted == "binary" and HEADS[pair.head][0] == "softmax"):
        return np.eye(p.shape[-1])[classes]
    if wanted == "binary":
        yes = p - np.median(p) + rng.normal(size=p.shape) / 3 > 0
        return np.where(yes, 1, -1 if loss.of_margins else 0)
    return rng.uniform(0.1, 2, p.shape)


def resolved(kind: str, y: Array, p: Array, pair: Pair) -> str:
    """The metric that `accuracy` is for targets and outputs of this kind."""
    if kind != "accuracy":
        return kind
    if p.shape[-1] == 1:
        return "BinaryAccuracy"
    return "SparseCategoricalAccuracy" if y.ndim < p.ndim else "CategoricalAccuracy"


def expected(kind: str, pair: Pair, y: Array, p: Array, w: Array) -> float:
    """By the page of the metric: of a loss with targets -1 and 1 those stand for 0 and 1."""
    takes = METRICS.find(kind).targets
    if pair.loss in ("Hinge", "SquaredHinge") and takes == "binary" and "Hinge" not in kind:
        y = np.where(y == -1, 0, y)
    return ORACLE[kind](y, p, w)


def updated(kind: str, pair: Pair, y: Array, p: Array, w: Array | None) -> float:
    """What the steps of the runner give, in batches of which the last is short."""
    import tensorflow as tf
    from keras.src.trainers.compile_utils import get_metric

    from modelspec.runtime.backend.compile_model import _metric
    from modelspec.runtime.backend.convert import to_keras
    from modelspec.runtime.run.measured_output import MeasuredOutput

    context = Context()
    settings = read_component(METRICS, written(kind, SETTINGS.get(kind, {})), context)
    loss = to_keras(read_component(LOSSES, written(pair.loss, pair.settings), context))
    metric: Any = _metric(settings)
    for start in range(0, EXAMPLES, BATCH):
        some = slice(start, start + BATCH)
        y_some, p_some = (tf.constant(one[some], "float32") for one in (y, p))
        if isinstance(metric, str):
            metric = get_metric(metric, y_some, p_some)
        weights = None if w is None else tf.constant(w[some], "float32")
        MeasuredOutput(y_some, p_some, weights, loss, (), ()).update(metric, weights)
    return float(metric.result())


@pytest.mark.tensorflow
@pytest.mark.parametrize("head", HEADS)
def test_a_metric_that_check_takes_is_what_its_page_promises(head: str) -> None:
    wrong = {}
    for number, pair in enumerate(one for one in pairs() if one.head == head):
        rng = np.random.default_rng(number)
        p = outputs(head, rng)
        for kind in accepted(pair):
            takes = "binary" if kind == "accuracy" else METRICS.find(kind).targets
            y = targets(pair, takes, p, rng)
            own = resolved(kind, y, p, pair)
            # Without weights for one loss of each head: they change no more than what counts.
            weights = rng.uniform(0.2, 2, EXAMPLES)
            for w in (weights,) if number else (None, weights):
                found = updated(kind, pair, y, p, w)
                right = expected(own, pair, y, p, np.ones(EXAMPLES) if w is None else w)
                if found != pytest.approx(right, rel=2e-5, abs=1e-6, nan_ok=True):
                    wrong[pair.loss, kind, w is not None] = (found, right)
    assert not wrong


def test_what_check_refuses_is_no_number_that_anyone_would_want() -> None:
    """A few pairs that are right are not refused."""
    for head, loss, metrics in (
        ("one probability", "BinaryCrossentropy", ["AUC", "Precision", "BinaryIoU", "accuracy"]),
        ("probabilities of classes", "CategoricalCrossentropy", ["AUC", "CategoricalAccuracy"]),
        ("probabilities of classes", "SparseCategoricalCrossentropy", ["accuracy"]),
        ("numbers", "MeanSquaredError", ["R2Score", "MeanAbsoluteError", "CosineSimilarity"]),
    ):
        assert not faults(Pair(head, loss, {}), metrics)

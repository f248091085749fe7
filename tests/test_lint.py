"""Pairs that cannot work are found before anything is loaded; pairs that can are left alone."""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms


def check(head: Any, training: dict[str, Any], data: dict[str, Any] | None = None) -> list[str]:
    """The codes that a model with this head and training gives."""
    layers = head if isinstance(head, list) else [head]
    spec: dict[str, Any] = {"model": {"inputs": {"x": [8]}, "layers": layers}, "training": training}
    if data is not None:
        spec["data"] = data
    return [d.code for d in ms.check(spec).diagnostics]


def dense(units: int, activation: str | None = None) -> dict[str, Any]:
    return {"Dense": {"units": units, **({"activation": activation} if activation else {})}}


PAIRS = [
    (dense(5, "softmax"), "sparse_categorical_crossentropy", []),
    (dense(5, "softmax"), "categorical_crossentropy", []),
    (dense(5, "softmax"), "binary_crossentropy", ["MS510"]),
    (dense(5, "softmax"), {"BinaryFocalCrossentropy": {"gamma": 1.0}}, ["MS510"]),
    (dense(5, "softmax"), "dice", []),
    (dense(5, "sigmoid"), "binary_crossentropy", []),
    (dense(1, "sigmoid"), "binary_crossentropy", []),
    (dense(1, "softmax"), "binary_crossentropy", ["MS511"]),
    (dense(1, "softmax"), "categorical_crossentropy", ["MS511"]),
    (dense(1, "sigmoid"), "sparse_categorical_crossentropy", ["MS512"]),
    (dense(5), {"SparseCategoricalCrossentropy": {"from_logits": True}}, []),
    (dense(5, "softmax"), {"SparseCategoricalCrossentropy": {"from_logits": True}}, ["MS513"]),
    ([dense(5), "Softmax"], {"SparseCategoricalCrossentropy": {"from_logits": True}}, ["MS513"]),
    ([dense(5), {"Activation": "softmax"}], "sparse_categorical_crossentropy", []),
    (dense(1, "sigmoid"), {"BinaryCrossentropy": {"from_logits": True}}, ["MS513"]),
    (dense(5), "sparse_categorical_crossentropy", ["MS515"]),
    (dense(1), "binary_crossentropy", ["MS515"]),
    (dense(5, "relu"), "mse", []),
    (dense(1), "mse", []),
    (dense(3, "tanh"), "mse", []),
    (dense(1, "tanh"), "mse", ["MS526"]),
    ([dense(10, "softmax"), {"Reshape": [2, 5]}, "Flatten"], "binary_crossentropy", ["MS510"]),
    ([dense(1, "sigmoid"), {"Rescaling": 10.0}], "mse", []),
]


@pytest.mark.parametrize(("head", "loss", "codes"), PAIRS)
def test_a_head_and_its_loss(head: Any, loss: Any, codes: list[str]) -> None:
    assert check(head, {"loss": loss}) == codes


METRICS = [
    ("sparse_categorical_crossentropy", "accuracy", []),
    ("sparse_categorical_crossentropy", "SparseTopKCategoricalAccuracy", []),
    ("sparse_categorical_crossentropy", "CategoricalAccuracy", ["MS523"]),
    ("sparse_categorical_crossentropy", "AUC", ["MS523"]),
    ("categorical_crossentropy", "AUC", []),
    ("categorical_crossentropy", "sparse_categorical_accuracy", ["MS523"]),
    ("categorical_crossentropy", {"F1Score": {"average": "macro"}}, []),
]


@pytest.mark.parametrize(("loss", "metric", "codes"), METRICS)
def test_a_metric_and_the_loss_beside_it(loss: str, metric: Any, codes: list[str]) -> None:
    assert check(dense(5, "softmax"), {"loss": loss, "metrics": [metric]}) == codes


def test_an_accuracy_of_numbers_is_a_warning() -> None:
    assert check(dense(1), {"loss": "mse", "metrics": ["accuracy"]}) == ["MS523"]


CHOICES = [
    ({"optimizer": {"Adam": -0.001}}, ["MS205"]),
    ({"optimizer": {"SGD": {"learning_rate": "large"}}}, ["MS204"]),
    ({"batch_size": 0}, ["MS205"]),
    ({"batch_size": -1}, ["MS205"]),
    ({"epochs": 0}, ["MS205"]),
    ({"epochs": -1}, ["MS205"]),
    ({"epochs": True}, ["MS204"]),
    ({"epochs": 2.5}, ["MS204"]),
    ({"callbacks": [{"EarlyStopping": {"monitor": "loss", "patience": -5}}]}, ["MS205"]),
    ({"callbacks": [{"EarlyStopping": {"monitor": "los"}}]}, ["MS520"]),
    ({"callbacks": [{"EarlyStopping": {"monitor": "mae"}}], "metrics": ["mae"]}, []),
    (
        {"callbacks": [{"EarlyStopping": {"monitor": "mean_absolute_error"}}], "metrics": ["mae"]},
        ["MS520"],
    ),
    (
        {
            "callbacks": [{"EarlyStopping": {"monitor": "mean_absolute_error"}}],
            "metrics": ["MeanAbsoluteError"],
        },
        [],
    ),
    (
        {
            "callbacks": [{"ReduceLROnPlateau": {"monitor": "e"}}],
            "metrics": [{"MeanAbsoluteError": {"name": "e"}}],
        },
        [],
    ),
    ({"callbacks": [{"ReduceLROnPlateau": {"monitor": "loss", "factor": 2.0}}]}, ["MS205"]),
]


@pytest.mark.parametrize(("training", "codes"), CHOICES)
def test_a_choice_that_keras_lets_pass(training: dict[str, Any], codes: list[str]) -> None:
    assert check(dense(1), {"loss": "mse", **training}) == codes


def test_targets_of_a_table_and_the_loss() -> None:
    table: dict[str, Any] = {"source": {"csv": "t.csv"}, "inputs": {"columns": list("abcdefgh")}}
    one, three = {**table, "targets": "y"}, {**table, "targets": ["p", "q", "r"]}
    assert check(dense(3, "softmax"), {"loss": "sparse_categorical_crossentropy"}, one) == []
    assert check(dense(3, "softmax"), {"loss": "categorical_crossentropy"}, three) == []
    assert check(dense(3, "softmax"), {"loss": "sparse_categorical_crossentropy"}, three) == [
        "MS516"
    ]
    assert check(dense(3, "softmax"), {"loss": "categorical_crossentropy"}, one) == ["MS516"]
    assert check(dense(3), {"loss": "mse"}, one) == ["MS517"]
    assert check(dense(3), {"loss": "mse"}, three) == []
    assert check(
        dense(2, "softmax"),
        {"loss": "sparse_categorical_crossentropy"},
        {"source": {"dataset": "iris"}, "inputs": {"column": "features"}, "targets": "target"},
    ) == ["MS519"]


def test_validation_monitors_need_validation_data() -> None:
    data: dict[str, Any] = {
        "source": {"csv": "t.csv"},
        "inputs": {"columns": list("abcdefgh")},
        "targets": "y",
    }
    training = {"loss": "mse", "callbacks": ["EarlyStopping"]}
    assert check(dense(1), training, data) == ["MS521"]
    assert check(dense(1), training, {**data, "split": {"validation": 0.2}}) == []
    assert check(dense(1), training) == []


def test_several_outputs_are_logged_by_name() -> None:
    spec: dict[str, Any] = {
        "model": {
            "inputs": {"x": [8]},
            "outputs": ["a", "b"],
            "layers": [
                {"Dense": {"units": 1, "name": "a"}},
                {"Dense": {"units": 1, "from": "x", "activation": "sigmoid", "name": "b"}},
            ],
        },
        "training": {
            "loss": {"a": "mse", "b": "binary_crossentropy"},
            "metrics": {"b": ["AUC"]},
            "callbacks": [],
        },
    }
    for monitor, codes in [("b_auc", []), ("a_loss", []), ("auc", ["MS520"]), ("b_AUC", ["MS520"])]:
        spec["training"]["callbacks"] = [{"EarlyStopping": {"monitor": monitor}}]
        assert [d.code for d in ms.check(spec).diagnostics] == codes, monitor
    spec["training"]["loss"] = {"a": "mse"}
    spec["training"]["callbacks"] = []
    assert [d.code for d in ms.check(spec).diagnostics] == ["MS503"]


@pytest.mark.parametrize(
    ("runtime", "codes"),
    [
        ({"jit": True}, ["MS546"]),
        ({"jit": True, "deterministic": True}, ["MS546"]),
        ({}, []),
        ({"jit": "auto"}, []),
        ({"jit": True, "deterministic": False}, []),
        ({"jit": False, "deterministic": True}, []),
    ],
)
def test_xla_beside_determinism(runtime: dict[str, Any], codes: list[str]) -> None:
    spec: dict[str, Any] = {
        "model": {"inputs": {"x": [8]}, "layers": [{"Dense": 1}]},
        "runtime": runtime,
    }
    assert [
        one.code for one in ms.check({**spec, "training": {"loss": "mse"}}).diagnostics
    ] == codes
    assert not ms.check(spec).diagnostics, "without a training nothing is compiled"

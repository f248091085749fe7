"""The classes of targets: their order, which of two is the positive one, and how much each counts.
The oracles are the sorted labels and scikit-learn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import Prepared, RunError, prepare

from .test_transforms import table

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def spec(target: Any, units: int, loss: str, **others: Any) -> dict[str, Any]:
    return {
        "seed": 1,
        "model": {
            "inputs": {"x": [1]},
            "layers": [
                {
                    "Dense": {
                        "units": units,
                        "activation": "sigmoid" if "binary" in loss else "softmax",
                        "name": "y",
                    }
                }
            ],
        },
        "data": {"source": {"csv": "t.csv"}, "inputs": "x", "targets": {"y": target}, **others},
        "training": {"loss": loss, "epochs": 1},
    }


def prepared(values: Any) -> Prepared:
    checked = compile_spec(values)
    assert checked.value is not None and checked.ok, checked.diagnostics
    return prepare(checked.value)


def vocabulary(target: Any, units: int, loss: str) -> list[Any]:
    found = prepared(spec(target, units, loss)).state.features["targets", "y"].learned[0]
    assert found is not None
    return list(found["vocabulary"])


def lookup(kind: str = "StringLookup", **settings: Any) -> list[Any]:
    return [{kind: {"num_oov_indices": 0, **settings}}]


BINARY, SPARSE = "binary_crossentropy", "sparse_categorical_crossentropy"


# Their order --------------------------------------------------------------------------------------


def test_labels_are_in_order_however_often_they_are() -> None:
    words = ["yes"] * 5 + ["no"] * 2 + ["Zoo", "é", "é", "é"]
    numbers = [10, 9, -3, 9, 9, 10, 10, 10, 10, 9, 9]
    table({"x": range(11), "w": words, "n": numbers, "b": ["true", "false"] * 5 + ["true"]})
    assert vocabulary({"column": "w", "transform": lookup()}, 4, SPARSE) == sorted(set(words))
    found = vocabulary({"column": "n", "transform": lookup("IntegerLookup")}, 3, SPARSE)
    assert found == [-3, 9, 10]
    assert vocabulary({"column": "b", "transform": lookup()}, 1, BINARY) == ["false", "true"]
    frequent = {"column": "w", "transform": [{"StringLookup": {"max_tokens": 3}}]}
    assert vocabulary(frequent, 3, SPARSE) == ["yes", "é"]  # the most frequent, then in order
    given = {"column": "b", "transform": lookup(vocabulary=["true", "false"])}
    first = prepared(spec(given, 1, BINARY)).parts["train"].examples.targets["y"]
    assert first.ravel()[:2].tolist() == [0, 1]


def test_several_labels_are_in_order_and_those_of_inputs_by_frequency() -> None:
    rows = [["b", "c"], ["c", "a"], ["c", "b"]]
    lines = (json.dumps({"x": 0.0, "w": row, "v": row[0]}) for row in rows)
    Path("t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    values = spec({"column": "w", "transform": lookup(output_mode="multi_hot")}, 3, BINARY)
    values["data"]["source"] = {"jsonl": "t.jsonl"}
    values["model"]["inputs"] = {"x": [1], "v": {"shape": [1], "dtype": "int32"}}
    values["model"]["layers"][:0] = [
        {"Embedding": {"input_dim": 5, "output_dim": 2, "from": "v"}},
        {"Flatten": {"name": "flat"}},
        {"Concatenate": {"from": ["x", "flat"]}},
    ]
    values["data"]["inputs"] = {
        "x": {"column": "x"},
        "v": {"column": "v", "transform": ["StringLookup"]},
    }
    state = prepared(values).state.features
    known = state["targets", "y"].learned[0]
    assert known is not None and known["vocabulary"] == ("a", "b", "c")
    assert state["inputs", "v"].learned[0] == {"vocabulary": ("c", "b")}


@pytest.mark.parametrize(
    ("positive", "kind", "column", "order"),
    [
        ("no", "StringLookup", ["no", "yes", "yes"], ["yes", "no"]),
        ("yes", "StringLookup", ["no", "yes", "no"], ["no", "yes"]),
        (1, "IntegerLookup", [2, 1, 1], [2, 1]),
        (False, "StringLookup", ["true", "false", "true"], ["true", "false"]),
    ],
)
def test_a_target_names_its_positive_label(
    positive: Any, kind: str, column: list[Any], order: list[Any]
) -> None:
    table({"x": range(3), "w": column})
    target = {"column": "w", "positive": positive, "transform": lookup(kind)}
    assert vocabulary(target, 1, BINARY) == order


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"positive": "maybe", "transform": lookup()}, "has `no` and `yes`"),
        ({"positive": "yes", "transform": ["StringLookup"]}, "an index for unknown labels"),
    ],
)
def test_a_positive_label_is_one_of_two(target: Any, words: str) -> None:
    table({"x": range(3), "w": ["no", "yes", "yes"]})
    checked = compile_spec(spec({"column": "w", **target}, 2, SPARSE))
    assert checked.value is not None
    with pytest.raises(RunError, match=words) as caught:
        prepare(checked.value)
    assert [one.code for one in caught.value.diagnostics] == ["MS554"]


@pytest.mark.parametrize(
    "target",
    [
        {"positive": "no"},
        {"positive": "no", "transform": lookup(vocabulary=["no", "yes"])},
        {"positive": "no", "transform": lookup(vocabulary=["no", "yes", "maybe"])},
        {"positive": "now", "transform": lookup(vocabulary=["no", "yes"])},
    ],
)
def test_a_positive_label_that_cannot_be_is_found_before_anything_is_read(target: Any) -> None:
    said = ms.check(spec({"column": "w", **target}, 1, BINARY)).diagnostics
    assert [one.code for one in said] == ["MS554"]


def test_training_and_evaluation_name_the_positive_label(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from modelspec.cli import main
    from modelspec.runtime.run import evaluate, predict

    random = np.random.default_rng(0)
    x = random.normal(size=80)
    words = np.where(x + random.normal(0, 0.3, 80) > -1, "yes", "no")  # "yes" is frequent
    table({"x": list(x), "w": list(words)})
    values = spec({"column": "w", "transform": lookup()}, 1, BINARY, split={"test": 0.25})
    values["training"] |= {
        "metrics": ["Recall", "Precision"],
        "epochs": 30,
        "optimizer": {"Adam": 0.1},
    }
    Path("spec.json").write_text(json.dumps(values), encoding="utf-8")
    trained = CliRunner().invoke(main, ["train", "spec.json", "--run-dir", "run"])
    assert "`y`: the positive label is `yes`" in trained.output
    assert json.loads(Path("run/manifest.json").read_text("utf-8"))["positive"] == {"y": "yes"}
    told = CliRunner().invoke(main, ["evaluate", "run"]).output
    assert "`y`: the positive label is `yes`" in told
    shown = CliRunner().invoke(main, ["evaluate", "run", "--format", "json"]).stdout
    assert json.loads(shown)["positive"] == {"y": "yes"}
    found = predict("run", "t.csv")
    decided = found.classes["y"].ravel()
    np.testing.assert_array_equal(decided == "yes", found.outputs["y"].ravel() > 0.5)
    table({"x": list(x), "w": list(words)}, "all.csv")
    metrics = evaluate("run", "all.csv").metrics
    assert metrics["recall"] == pytest.approx(np.mean(decided[words == "yes"] == "yes"))
    assert metrics["precision"] == pytest.approx(np.mean(words[decided == "yes"] == "yes"))


# How much they count ------------------------------------------------------------------------------


def tags(pad: Any, loss: Any = SPARSE, weight: Any = "balanced", mask: bool = False) -> Any:
    return {
        "model": {
            "inputs": {"tokens": {"shape": [6], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 9, "output_dim": 2, "mask_zero": mask}},
                {"Dense": {"units": 3, "activation": "softmax", "name": "tags"}},
            ],
        },
        "data": {
            "source": {"jsonl": "s.jsonl"},
            "inputs": {"tokens": {"column": "tokens", "pad": {"length": 6, "padding": "post"}}},
            "targets": {"tags": {"column": "tags", "pad": pad}},
        },
        "training": {"loss": loss, "class_weight": weight},
    }


ROWS = [[0, 1, 2], [2], [1, 2, 2, 2], [2, 0], [1, 1, 1, 1, 1, 1, 0]]
"""The last is cut to six."""


def write_tags() -> Any:
    lines = (json.dumps({"tokens": [1 + one for one in row], "tags": row}) for row in ROWS)
    Path("s.jsonl").write_text("\n".join(lines), encoding="utf-8")


def expected_weights(kept: Any) -> Any:
    return compute_class_weight("balanced", classes=np.unique(kept), y=kept)


@pytest.mark.parametrize(
    "pad", [{"length": 6, "padding": "post"}, {"length": 6, "padding": "pre", "value": 1}]
)
def test_balanced_counts_no_padding(pad: Any) -> None:
    write_tags()
    examples = prepared(tags(pad)).parts["train"].examples
    kept = np.concatenate([row[-6:] for row in ROWS])
    targets, weights = np.asarray(examples.targets["tags"]), examples.class_weights["tags"]
    for label, weight in enumerate(expected_weights(kept)):
        np.testing.assert_allclose(weights[targets == label], weight, rtol=1e-6)


@pytest.mark.parametrize("ignored", [-1, 7])
@pytest.mark.parametrize("pads", [True, False])
def test_balanced_counts_no_class_that_the_loss_ignores(ignored: int, pads: bool) -> None:
    loss = {"SparseCategoricalCrossentropy": {"ignore_class": ignored}}
    if pads:
        write_tags()
        values = tags({"length": 6, "padding": "post", "value": ignored}, loss)
    else:  # padded in the file
        full = [(row[:6] + [ignored] * 6)[:6] for row in ROWS]
        np.savez("s.npz", tokens=np.ones((5, 6), int), tags=np.array(full))
        values = tags(None, loss)
        values["data"]["source"] = {"npz": "s.npz"}
        values["data"]["inputs"] = {"tokens": "tokens"}
        values["data"]["targets"] = {"tags": "tags"}
    examples = prepared(values).parts["train"].examples
    targets, weights = np.asarray(examples.targets["tags"]), examples.class_weights["tags"]
    kept = targets[targets != ignored]
    for label, weight in enumerate(expected_weights(kept)):
        np.testing.assert_allclose(weights[targets == label], weight, rtol=1e-6)


@pytest.mark.parametrize("more", [{}, {"-1": 5.0}])
def test_weights_by_hand_need_none_for_the_ignored_class(more: Any) -> None:
    write_tags()
    loss = {"SparseCategoricalCrossentropy": {"ignore_class": -1}}
    weight = {"0": 1.0, "1": 2.0, "2": 4.0, **more}
    values = tags({"length": 6, "padding": "post", "value": -1}, loss, weight)
    examples = prepared(values).parts["train"].examples
    targets, weights = np.asarray(examples.targets["tags"]), examples.class_weights["tags"]
    real = targets >= 0
    np.testing.assert_array_equal(weights[real], np.array([1.0, 2.0, 4.0])[targets[real]])


def test_balanced_counts_the_steps_that_the_masks_of_the_model_keep() -> None:
    """The masks come from the inputs alone: nothing says that the targets are padded."""
    from modelspec.runtime.backend import build
    from modelspec.runtime.run.masked_steps import balanced_by_masks

    random = np.random.default_rng(0)
    tokens, labels = random.integers(0, 4, (300, 6)), random.integers(0, 3, (300, 6))
    labels[tokens == 0] = 0
    np.savez("s.npz", tokens=tokens, tags=labels)
    values = tags(None, mask=True)
    values["data"] = {
        "source": {"npz": "s.npz"},
        "inputs": {"tokens": "tokens"},
        "targets": {"tags": "tags"},
        "split": {"test": 0.2},
    }
    made = prepared(values)
    train = made.parts["train"].positions
    found = balanced_by_masks(build(made.compiled), made)
    weights = found.parts["train"].examples.class_weights["tags"]
    kept = labels[train][tokens[train] > 0]
    for label, weight in enumerate(expected_weights(kept)):
        np.testing.assert_allclose(weights[labels == label], weight, rtol=1e-6)
    assert not np.array_equal(weights, made.parts["train"].examples.class_weights["tags"])

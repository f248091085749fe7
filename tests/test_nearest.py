"""Nearest items of a model with two towers, against NumPy."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.run.nearest import nearest_batches

TENSORFLOW = pytest.mark.tensorflow


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_search_is_that_of_numpy(
    monkeypatch: pytest.MonkeyPatch, similarity: str, block: int
) -> None:
    """Vectors of small integers have many equal scores, which are in the order of the items."""
    from modelspec.runtime.run import nearest

    monkeypatch.setattr(nearest, "_BLOCK", block)
    rng = np.random.default_rng(0)
    rows = rng.integers(-2, 3, (9, 4)).astype("float32")
    items = rng.integers(-2, 3, (50, 4)).astype("float32")
    scores = rows.astype("float64") @ items.T
    if similarity == "cosine":
        lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(items, axis=1)[None]
        scores = scores / np.where(lengths > 0, lengths, 1)
    scores = np.round(scores, 5)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :6]
    found = list(nearest_batches(iter([rows[:4], rows[4:]]), items, 6, similarity))
    assert np.array_equal(np.concatenate([one.items for one in found]), order)
    values = np.concatenate([one.scores for one in found])
    assert np.allclose(values, np.take_along_axis(scores, order, 1), atol=1e-5)


def test_values_that_are_not_numbers_come_last() -> None:
    items = np.array([[np.nan], [1.0], [2.0]], "float32")
    (found,) = nearest_batches(iter([np.ones((1, 1), "float32")]), items, 2, "dot")
    assert found.items.tolist() == [[2, 1]]


def spec(**head: Any) -> dict[str, Any]:
    return {
        "model": {
            "inputs": {"user": [2], "item": [3]},
            "layers": [
                {"Dense": {"units": 4, "from": "user", "name": "user_vector"}},
                {"Dense": {"units": 4, "from": "item", "name": "item_vector"}},
                head or {"Dot": {"axes": 1, "from": ["user_vector", "item_vector"], "name": "d"}},
                {"Dense": {"units": 1, "name": "score"}},
            ],
        },
        "data": {
            "source": {"csv": "seen.csv"},
            "inputs": {
                "user": {"columns": ["a", "b"], "transform": ["Normalization"]},
                "item": {"columns": ["p", "q", "r"]},
            },
            "targets": {"score": "y"},
        },
        "training": {"loss": "mse", "epochs": 1, "batch_size": 8},
    }


def write(path: Path, names: str, rows: Any) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names.split(), *rows])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    write(tmp_path / "seen.csv", "a b p q r y", rng.normal(size=(24, 6)).round(3))
    users = [[f"u{n}", *row] for n, row in enumerate(rng.normal(size=(5, 2)).round(3))]
    write(tmp_path / "users.csv", "id a b", users)
    items = rng.normal(size=(11, 3)).round(3).tolist()
    items[7] = items[2]  # an equal item
    write(tmp_path / "items.csv", "sku p q r", [[f"i{n}", *one] for n, one in enumerate(items)])
    return tmp_path


def table(path: Path, names: list[str]) -> Any:
    with path.open() as file:
        return np.array([[float(row[name]) for name in names] for row in csv.DictReader(file)])


def vectors(run: Any, folder: Path) -> tuple[Any, Any]:
    """Those of the users and the items, from the weights, in float64."""
    seen = table(folder / "seen.csv", ["a", "b"])
    users = (table(folder / "users.csv", ["a", "b"]) - seen.mean(0)) / seen.std(0)
    items = table(folder / "items.csv", ["p", "q", "r"])
    found = []
    for name, values in (("user_vector", users), ("item_vector", items)):
        kernel, bias = run.model.get_layer(name).get_weights()
        found.append(values @ kernel.astype("float64") + bias)
    return found[0], found[1]


@TENSORFLOW
def test_the_nearest_items_of_a_run(folder: Path) -> None:
    run = ms.load_spec(spec()).train(run_dir="run")
    users, items = vectors(run, folder)
    scores = users @ items.T
    order = np.argsort(-np.round(scores, 6), axis=1, kind="stable")[:, :4]
    options = ["--data", "users.csv", "--items", "items.csv", "--id", "id", "--item-id", "sku"]
    done = CliRunner().invoke(
        main, ["predict", "run", *options, "--nearest", "4", "-o", "out.csv", "--batch-size", "2"]
    )
    assert done.exit_code == 0, done.output
    with (folder / "out.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["id"] for row in written] == [f"u{n}" for n in range(5)]
    for row, wanted, values in zip(written, order, scores, strict=True):
        assert [row[f"nearest_{place}"] for place in range(1, 5)] == [f"i{n}" for n in wanted]
        written_scores = [float(row[f"nearest_{place}_score"]) for place in range(1, 5)]
        assert np.allclose(written_scores, values[wanted], atol=1e-5)

    lengths = np.linalg.norm(users, axis=1)[:, None] * np.linalg.norm(items, axis=1)[None]
    found = run.predict(
        "users.csv",
        nearest=20,
        items="items.csv",
        layers=["user_vector", "item_vector"],
        similarity="cosine",
    )
    order = np.argsort(-np.round(scores / lengths, 6), axis=1, kind="stable")
    assert found["nearest_1"].tolist() == (order[:, 0] + 1).tolist()
    assert "nearest_11" in found and "nearest_12" not in found

    alike = run.predict("items.csv", nearest=2, items="items.csv", layers="item_vector")
    assert [*alike] == ["row", "nearest_1", "nearest_1_score", "nearest_2", "nearest_2_score"]

    cases = [
        (["--nearest", "3"], "MS789"),
        (["--items", "items.csv"], "MS789"),
        (["--decode", "ctc_greedy"], "MS787"),
        (["--nearest", "3", "--items", "items.csv", "--top", "2"], "MS789"),
        (["--nearest", "3", "--items", "items.csv", *["--layer", "d"] * 3], "MS789"),
        (
            ["--nearest", "3", "--items", "items.csv", "--layer", "user_vector", "--layer", "item"],
            "MS791",
        ),
    ]
    for given, code in cases:
        done = CliRunner().invoke(main, ["predict", "run", "--data", "users.csv", *given])
        assert done.exit_code == 2 and code in done.output, done.output
    lacking = ["--nearest", "3", "--items", "users.csv"]
    done = CliRunner().invoke(main, ["predict", "run", "--data", "users.csv", *lacking])
    assert done.exit_code == 3 and "`p`" in done.output


@TENSORFLOW
def test_towers_that_no_layer_compares_have_to_be_named(folder: Path) -> None:
    joined = {"Concatenate": {"from": ["user_vector", "item_vector"]}}
    ms.load_spec(spec(**joined)).train(run_dir="run")
    options = ["--data", "users.csv", "--nearest", "1", "--items", "items.csv"]
    done = CliRunner().invoke(main, ["predict", "run", *options])
    assert done.exit_code == 2 and "MS790" in done.output and "--layer USER" in done.output

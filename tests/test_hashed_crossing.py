"""`HashedCrossing` of the columns of a feature, against Keras's layer."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import prepare

pytestmark = pytest.mark.tensorflow

COLUMNS: dict[str, list[Any]] = {
    "country": ["CH", "DE", "CH", "FR", "DE"],
    "language": ["de", "de", "fr", "fr", "de"],
    "age": [30, 41, 30, 7, 41],
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "y"])
        writer.writerows(zip(*COLUMNS.values(), range(5), strict=True))
    np.savez("t.npz", a=COLUMNS["age"], b=[1, 2, 1, 1, 2], y=np.zeros(5))


def values(feature: dict[str, Any], shape: list[int], source: Any, **layer: Any) -> Any:
    dtype = "float32" if layer.get("output_mode") == "one_hot" else "int64"
    first = (
        [] if dtype == "float32" else [{"Embedding": {"input_dim": 50, "output_dim": 1}}, "Flatten"]
    )
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": {"shape": shape, "dtype": dtype}},
                "layers": [*first, {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {
                "source": source,
                "inputs": {
                    "x": {
                        **feature,
                        "transform": [*feature.get("transform", []), {"HashedCrossing": layer}],
                    }
                },
                "targets": {"y": "y"},
            },
            "training": {"loss": "mse"},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return prepare(checked.value).parts["train"].examples.inputs["x"]


def by_keras(columns: list[Any], **layer: Any) -> Any:
    import keras

    return np.asarray(keras.layers.HashedCrossing(**layer)([np.array(one) for one in columns]))


def test_two_columns_of_strings() -> None:
    names = {"columns": ["country", "language"]}
    columns = [COLUMNS["country"], COLUMNS["language"]]
    found = values(names, [1], {"csv": "t.csv"}, num_bins=50)
    np.testing.assert_array_equal(found.ravel(), by_keras(columns, num_bins=50))
    found = values(names, [20], {"csv": "t.csv"}, num_bins=20, output_mode="one_hot")
    np.testing.assert_array_equal(found, by_keras(columns, num_bins=20, output_mode="one_hot"))


def test_three_columns_after_a_step() -> None:
    """On csv, cells are strings as they are written, as for `Hashing`."""
    names = {"columns": ["country", "language", "age"], "transform": ["Lowercase"]}
    columns = [
        [one.lower() for one in COLUMNS["country"]],
        COLUMNS["language"],
        [str(one) for one in COLUMNS["age"]],
    ]
    found = values(names, [1], {"csv": "t.csv"}, num_bins=50)
    np.testing.assert_array_equal(found.ravel(), by_keras(columns, num_bins=50))


def test_integers() -> None:
    columns = [np.array(COLUMNS["age"], np.int64), np.array([1, 2, 1, 1, 2], np.int64)]
    found = values({"columns": ["a", "b"]}, [1], {"npz": "t.npz"}, num_bins=50)
    np.testing.assert_array_equal(found.ravel(), by_keras(columns, num_bins=50))
    found = values({"columns": ["age", "y"], "dtype": "int64"}, [1], {"csv": "t.csv"}, num_bins=50)
    expected = by_keras([columns[0], np.arange(5)], num_bins=50)
    np.testing.assert_array_equal(found.ravel(), expected)

"""Several labels in a cell: parsed, looked up as one vector, and distinguished from missing values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic

TAGS = ["red| green", "blue", "", "green|| blue |red", "red|red", "green"]
LISTS = [["red", "green"], ["blue"], [], ["green", "blue", "red"], ["red", "red"], ["green"]]


def spec_of(feature: dict[str, Any], source: Any, **others: Any) -> dict[str, Any]:
    """A spec whose target has several labels."""
    return {
        "model": {
            "inputs": {"x": [1]},
            "layers": [{"Dense": {"units": 3, "activation": "sigmoid", "name": "tags"}}],
        },
        "data": {
            "source": source,
            "inputs": {"x": {"column": "x"}},
            "targets": {"tags": feature},
        },
        "training": {"loss": "binary_crossentropy", "batch_size": 2, **others},
    }


def lookup(**settings: Any) -> list[Any]:
    return [{"StringLookup": {"output_mode": "multi_hot", "num_oov_indices": 0, **settings}}]


def csv_of(folder: Path, cells: list[Any], name: str = "t.csv") -> dict[str, str]:
    rows = "".join(f'{row},"{cell}"\n' for row, cell in enumerate(cells))
    (folder / name).write_text(f"x,tags\n{rows}", encoding="utf-8")
    return {"csv": str(folder / name)}


def jsonl_of(folder: Path, cells: list[Any]) -> dict[str, str]:
    rows = "".join(f"{json.dumps({'x': row, 'tags': one})}\n" for row, one in enumerate(cells))
    (folder / "t.jsonl").write_text(rows, encoding="utf-8")
    return {"jsonl": str(folder / "t.jsonl")}


def parquet_of(folder: Path, cells: list[Any]) -> dict[str, str]:
    import pyarrow as pa
    from pyarrow import parquet

    column = pa.array(cells, pa.list_(pa.string()))
    table = pa.table({"x": list(range(len(cells))), "tags": column})
    parquet.write_table(table, folder / "t.parquet")
    return {"parquet": str(folder / "t.parquet")}


def loaded(spec: dict[str, Any], folder: Path) -> Any:
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.load_spec(path).compiled


def prepared(spec: dict[str, Any], folder: Path) -> Any:
    from modelspec.runtime.data import prepare

    return prepare(loaded(spec, folder))


def faults(spec: dict[str, Any]) -> tuple[Diagnostic, ...]:
    return ms.check(spec).diagnostics


def marks(labels: list[list[str]], names: list[str]) -> list[list[float]]:
    """The oracle: a 1 for each label that an example has."""
    return [[float(name in row) for name in names] for row in labels]


@pytest.mark.tensorflow
@pytest.mark.parametrize("make", [csv_of, jsonl_of, parquet_of])
def test_labels_are_the_units_of_a_target_in_sorted_order(make: Any, tmp_path: Path) -> None:
    feature = {"column": "tags", "transform": lookup()}
    cells: list[Any] = LISTS
    if make is csv_of:
        feature, cells = {**feature, "separator": "|"}, TAGS
    found = prepared(spec_of(feature, make(tmp_path, cells)), tmp_path)
    (targets,) = found.parts["train"].examples.targets.values()
    assert targets.tolist() == marks(LISTS, ["blue", "green", "red"])


@pytest.mark.tensorflow
def test_counts_and_integers_are_made_of_parts_too(tmp_path: Path) -> None:
    source = csv_of(tmp_path, ["7;30", "", "7; 7", "512"])
    layer = {"IntegerLookup": {"output_mode": "count", "num_oov_indices": 0}}
    feature = {"column": "tags", "separator": ";", "transform": [layer]}
    spec = {**spec_of(feature, source), "training": {"loss": "poisson"}}
    found = prepared(spec, tmp_path)
    (targets,) = found.parts["train"].examples.targets.values()
    assert targets.tolist() == [[1, 1, 0], [0, 0, 0], [2, 0, 0], [0, 0, 1]]


@pytest.mark.tensorflow
def test_parts_are_a_sequence_with_pad(tmp_path: Path) -> None:
    source = csv_of(tmp_path, ["b a", "", "a b a c", "a"])
    spec = {
        "model": {
            "inputs": {"tags": {"shape": [3], "dtype": "int32"}},
            "layers": [{"Embedding": {"input_dim": 9, "output_dim": 2}}, "Flatten", {"Dense": 1}],
        },
        "data": {
            "source": source,
            "inputs": {
                "tags": {
                    "column": "tags",
                    "separator": " ",
                    "pad": {"length": 3, "padding": "post", "truncating": "post"},
                    "transform": ["StringLookup"],
                }
            },
            "targets": "x",
        },
        "training": {"loss": "mse"},
    }
    found = prepared(spec, tmp_path).parts["train"].examples.inputs["tags"]
    # 0 is padding, 1 an unknown word, then the words by frequency
    assert found.tolist() == [[3, 2, 0], [0, 0, 0], [2, 3, 2], [2, 0, 0]]


@pytest.mark.tensorflow
def test_an_unknown_label_of_a_target_is_named(tmp_path: Path) -> None:
    from modelspec.runtime.data import RunError

    spec = spec_of({"column": "tags", "separator": "|", "transform": lookup()}, None)
    spec["data"] |= {
        "train": csv_of(tmp_path, TAGS),
        "test": csv_of(tmp_path, ["red", "red|grean"], "u.csv"),
    }
    del spec["data"]["source"]
    with pytest.raises(RunError) as caught:
        prepared(spec, tmp_path)
    (one,) = caught.value.diagnostics
    assert one.code == "MS627" and "u.csv:3" in one.message and one.help == 'is it "green"?'


@pytest.mark.tensorflow
def test_the_data_command_counts_labels(tmp_path: Path) -> None:
    from modelspec.runtime.data.inspection import inspect

    spec = spec_of({"column": "tags", "separator": "|", "transform": lookup()}, None)
    spec["data"]["source"] = csv_of(tmp_path, TAGS)
    facts, _ = inspect(loaded(spec, tmp_path))
    (target,) = facts.targets.values()
    assert target.classes == ("blue", "green", "red")
    (column,) = target.columns
    counts = {label: sum(by_part.values()) for label, by_part in (column.values or {}).items()}
    assert counts == {"blue": 2, "green": 3, "red": 3} and column.missing == 0


@pytest.mark.tensorflow
def test_predictions_know_the_label_of_each_unit(tmp_path: Path) -> None:
    from modelspec.runtime.data.unit_labels import unit_labels

    feature = {"column": "tags", "separator": "|", "transform": lookup()}
    found = prepared(spec_of(feature, csv_of(tmp_path, TAGS)), tmp_path)
    bound = found.binding.targets["tags"]
    layers = found.state.features["targets", "tags"].layers(bound)
    assert unit_labels(layers) == ("blue", "green", "red")


# What check says ----------------------------------------------------------------------------------

ONE = {"csv": "t.csv"}


@pytest.mark.parametrize(
    ("feature", "training", "code", "said"),
    [
        ({"transform": ["StringLookup"]}, {}, "MS575", "a value for each"),
        ({}, {}, "MS575", "no layer combines them"),
        ({"transform": lookup()}, {"loss": "categorical_crossentropy"}, "MS575", "several labels"),
        ({"transform": lookup(vocabulary=["a", "b"])}, {}, "MS575", "2 labels"),
        ({"transform": lookup(), "missing": "drop"}, {}, "MS208", "never missing"),
        ({"transform": lookup(), "separator": ""}, {}, "MS205", "empty"),
    ],
)
def test_what_takes_one_label_is_found_before_the_data(
    feature: dict[str, Any], training: dict[str, Any], code: str, said: str
) -> None:
    written = {"column": "tags", "separator": "|", **feature}
    found = [one for one in faults(spec_of(written, ONE, **training)) if one.severity == "error"]
    assert [one.code for one in found] == [code] and said in found[0].message


def test_right_ones_have_no_fault() -> None:
    assert not faults(spec_of({"column": "tags", "separator": "|", "transform": lookup()}, ONE))

"""`modelspec data` and `modelspec check --data`: what is told of a spec's data; no framework unless
a transform needs one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from modelspec.cli import main

SPEC = """
model:
  inputs: {x: [2]}
  layers: [{Dense: {units: 3, activation: softmax, name: y}}]
data:
  source: {csv: t.csv}
  split: {validation: 0.25, test: 0.25, stratify: y}
  inputs: {columns: [a, b]}
  targets: y
"""
TRAINING = "training: {loss: sparse_categorical_crossentropy, batch_size: 2}\n"
ROWS = "a,b,y\n" + "".join(f"{row}.5,{row},{row % 3}\n" for row in range(12))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def write(spec: str = SPEC, table: str = ROWS) -> None:
    Path("s.yaml").write_text(spec, encoding="utf-8")
    Path("t.csv").write_text(table, encoding="utf-8")


def run(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(args))
    return result.exit_code, result.stdout, result.stderr


def facts(*args: str) -> Any:
    return json.loads(run("data", "s.yaml", "--format", "json", *args)[1])


def test_parts_columns_ranges_classes_and_examples_without_training() -> None:
    write()
    told = facts()
    assert told["ok"] and {part: one["rows"] for part, one in told["parts"].items()} == {
        "train": 6,
        "validation": 3,
        "test": 3,
    }
    a, b = told["inputs"]["x"]["columns"]
    assert (a["name"], a["type"], a["missing"], a["min"], a["mean"], a["max"]) == (
        "a",
        "float64",
        0,
        0.5,
        6.0,
        11.5,
    )
    assert a["examples"] == [0.5, 1.5, 2.5] and a["values"] is None and b["max"] == 11
    assert (told["inputs"]["x"]["shape"], told["inputs"]["x"]["dtype"]) == ([2], "float32")
    (y,) = told["targets"]["y"]["columns"]
    assert y["values"] == {label: {"train": 2, "validation": 1, "test": 1} for label in "012"}


def test_the_text_lines_up() -> None:
    write()
    status, text, _ = run("data", "s.yaml")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert status == 0 and [block[0].split()[0] for block in blocks] == [
        "s",
        "feature",
        "model",
        "target",
    ]
    columns = blocks[1]
    ends = [
        line.index(word) + len(word)
        for line, word in zip(columns, ("max", "11.5", "11", "2 "), strict=True)
    ]
    assert ends[0] == ends[1] == ends[2]
    assert [line.split() for line in blocks[3][1:]] == [[label, "2", "1", "1"] for label in "012"]


def test_every_missing_and_infinite_value_is_counted_though_the_data_are_faulty() -> None:
    write(table="a,b,y\n1,,0\n2,inf,1\n,3,2\n,4,7\n")
    status, out, err = run("data", "s.yaml", "--format", "json")
    told = json.loads(out)
    assert status == 3 and not told["ok"] and err == ""
    assert [(one["missing"], one["infinite"]) for one in told["inputs"]["x"]["columns"]] == [
        (2, 0),
        (1, 1),
    ]
    assert told["targets"]["y"]["columns"][0]["values"]["7"] == {"rows": 1}
    assert {one["code"] for one in told["diagnostics"]} == {"MS608", "MS613"}
    status, out, err = run("data", "s.yaml")
    assert status == 3 and "t.csv:4" in err and "MS608" not in out


def test_parts_of_their_own_and_rows_that_are_left_out() -> None:
    write(
        SPEC.replace(
            "source: {csv: t.csv}\n  split: {validation: 0.25, test: 0.25, stratify: y}",
            "train: {csv: t.csv}\n  test: {csv: u.csv}",
        ).replace("[a, b]", "[a, b], missing: drop"),
        table="a,b,y\n1,2,0\n,2,1\n3,4,1\n",
    )
    Path("u.csv").write_text("a,b,y\n5,6,2\n5,6,2\n", encoding="utf-8")
    told = facts()
    assert {part: (one["rows"], one["source"]) for part, one in told["parts"].items()} == {
        "train": (2, "t.csv"),
        "test": (2, "u.csv"),
    }
    assert told["dropped"] == 1
    assert told["inputs"]["x"]["columns"][0]["max"] == 3
    assert told["targets"]["y"]["columns"][0]["values"] == {
        "0": {"train": 1},
        "1": {"train": 1},
        "2": {"test": 2},
    }


def test_words_are_counted_and_lists_and_weights_told() -> None:
    Path("t.jsonl").write_text(
        '{"t": [1, 2, 3], "w": 0.5, "y": 0}\n{"t": [4], "w": 2.0, "y": 1}\n', encoding="utf-8"
    )
    write(
        "model: {inputs: {x: {shape: [auto], dtype: int32}}, layers: [{Embedding: {input_dim: 9,"
        " output_dim: 2}}, Flatten, {Dense: {units: 1, activation: sigmoid, name: y}}]}\ndata:"
        " {source: {jsonl: t.jsonl}, weights: w, targets: y, inputs: {column: t, pad: {padding:"
        " post}}}\n"
    )
    told = facts()
    column = told["inputs"]["x"]["columns"][0]
    assert column["shape"] == [None] and (column["min"], column["max"]) == (1, 4)
    assert column["examples"] == [[1, 2, 3], [4]]
    assert told["inputs"]["x"]["shape"] == [3] and told["weights"]["max"] == 2.0


def test_the_cache_says_what_its_key_is_made_of_and_what_differs() -> None:
    write(SPEC.replace("targets: y", "targets: y\n  cache: disk") + TRAINING)
    said = run("data", "s.yaml", "--explain-cache")[1]
    assert (
        "prepared: no entry for this source yet" in said
        and "\n  columns: " in said
        and "\n  source: " in said
    )
    assert "found in the cache" in run("data", "s.yaml", "--explain-cache")[1]
    Path("t.csv").write_text(ROWS + "1,2,0\n", encoding="utf-8")
    assert "prepared again: source differs" in run("data", "s.yaml", "--explain-cache")[1]
    assert facts()["cache"][0]["used"] is True
    assert (
        "small enough for memory"
        in run("data", "s.yaml", "--explain-cache", "--set", "data.cache=auto")[1]
        or "found in the cache"
        in run("data", "s.yaml", "--explain-cache", "--set", "data.cache=auto")[1]
    )


def test_a_contact_sheet_has_a_row_for_each_class() -> None:
    from PIL import Image

    labels = np.arange(20) % 2
    images = (labels[:, None, None] * 200 + np.zeros((20, 8, 8))).astype(np.uint8)
    np.savez("t.npz", x=images, y=labels)
    write(
        "model: {inputs: {x: [8, 8, 1]}, layers: [Flatten, {Dense: {units: 1, activation: sigmoid,"
        " name: y}}]}\ndata: {source: {npz: t.npz}, inputs: x, targets: y}\n"
    )
    status, text, _ = run("data", "s.yaml", "--picture", "sheet.png")
    assert status == 0 and "`--picture PNG` draws some" in text
    with Image.open("sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (2 * 34 + 2, 8 * 34 + 2, 3)
    assert set(np.unique(pixels[2:34, 2:34])) == {0} and set(np.unique(pixels[36:68, 2:34])) == {
        200
    }


def test_a_picture_of_what_is_no_image_is_wrong_usage() -> None:
    write()
    assert run("data", "s.yaml", "--picture", "sheet.png")[0] == 2
    assert not Path("sheet.png").exists()


def test_a_spec_without_data_or_with_errors_is_told() -> None:
    write("model: {inputs: {x: [2]}, layers: [Dense: 2]}\n")
    status, _, err = run("data", "s.yaml")
    assert status == 1 and "MS660" in err
    status, out, _ = run("check", "--data", "s.yaml", "--format", "json")
    assert status == 1 and [one["code"] for one in json.loads(out)["diagnostics"]] == ["MS660"]
    write("model: {inputs: {x: [2]}, layers: [Dens: 2]}\n")
    assert run("data", "s.yaml")[0] == 1


def test_check_with_data_knows_sizes_and_faults() -> None:
    write(SPEC.replace("[2]", "[auto]") + TRAINING)
    assert run("check", "s.yaml")[1] == "s.yaml: no faults (1 layer)\n"
    assert run("check", "--data", "s.yaml")[1] == "s.yaml: no faults (1 layer, 9 parameters)\n"
    write(SPEC + TRAINING, ROWS.replace("7.5,7,1", "7.5,7,3"))
    assert run("check", "s.yaml")[0] == 0
    status, out, _ = run("check", "--data", "s.yaml", "--format", "json")
    (one,) = [each for each in json.loads(out)["diagnostics"] if each["severity"] == "error"]
    assert (
        status == 1 and one["code"] == "MS614" and "t.csv:9" in one["message"] and one["line"] == 9
    )


def test_no_framework_is_loaded_where_no_transform_needs_it() -> None:
    write()
    code = (
        "import sys; from modelspec.cli import main\ntry: main(['data', 's.yaml'])\nexcept"
        " SystemExit as error: print(error.code, 'keras' in sys.modules, 'tensorflow' in"
        " sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stdout.splitlines()[-1] == "0 False False", done.stderr


@pytest.mark.tensorflow
def test_what_transforms_learned_is_told() -> None:
    write(
        SPEC.replace(
            "columns: [a, b]", "columns: [a, b], missing: mean, transform: [Normalization]"
        ).replace(
            "targets: y", "targets: {column: y, transform: [{StringLookup: {num_oov_indices: 0}}]}"
        ),
        ROWS.replace(",0\n", ",red\n")
        .replace(",1\n", ",green\n")
        .replace(",2\n", ",blue\n")
        .replace("9.5", ""),
    )
    told = facts()
    (layer,) = told["inputs"]["x"]["learned"]
    assert layer["layer"] == "Normalization" and len(layer["mean"]) == len(layer["variance"]) == 2
    assert layer["mean"][1] != 5.5 and set(told["inputs"]["x"]["fill"]) == {"a", "b"}
    y = told["targets"]["y"]
    assert y["learned"][0]["tokens"] == 3 and sorted(y["classes"]) == ["blue", "green", "red"]
    text = run("data", "s.yaml")[1]
    assert "StringLookup: tokens 3" in text and "missing values become: a " in text


@pytest.mark.tensorflow
def test_a_dry_run_prepares_weighs_and_varies() -> None:
    """Everything that training does before its first step, and one batch: what fails there fails
    here.
    """
    spec = SPEC.replace(
        "[a, b]}", "[a, b], transform: [Normalization]}\n  augment: [{GaussianNoise: 0.5}]"
    ) + TRAINING.replace("batch_size: 2", "batch_size: 2, class_weight: balanced")
    write(spec)
    status, out, err = run("train", "s.yaml", "--dry-run")
    assert status == 0 and "one batch of 2, untrained: loss" in out, err
    assert not Path("runs").exists()
    write(spec.replace("balanced", '{"0": 1.0, "1": 1.0}'))
    status, _, err = run("train", "s.yaml", "--dry-run")
    assert status == 3 and "MS629" in err
    write(spec, ROWS.replace("7.5,7,1", "7.5,seven,1"))
    status, _, err = run("train", "s.yaml", "--dry-run")
    assert status == 3 and '"seven" at t.csv:9' in err

"""Predictions of padded sequences end where the sequence ends."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import predict

pytestmark = pytest.mark.tensorflow

WORDS = {"the": "D", "a": "D", "dog": "N", "cat": "N", "runs": "V", "sees": "V"}
LENGTH = 5


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """Sentences of no word up to more than there is room for."""
    drawn = random.Random(0)
    return [drawn.choices(list(WORDS), k=size) for size in [1, 4, 0, 7, LENGTH, 2, *[3] * 34]]


def trained(folder: Path, rows: list[list[str]], padding: str, *, masked: bool = True) -> Path:
    folder.mkdir()
    lines = [json.dumps({"words": row, "tags": [WORDS[word] for word in row]}) for row in rows]
    (folder / "t.jsonl").write_text("\n".join(lines) + "\n")
    pad = {"length": LENGTH, "padding": padding, "truncating": "post", "value": ""}
    spec = {
        "model": {
            "inputs": {"words": {"shape": [LENGTH], "dtype": "int64"}},
            "layers": [
                {"Embedding": {"input_dim": 8, "output_dim": 6, "mask_zero": masked}},
                {"Dense": {"units": 4, "activation": "softmax", "name": "tags"}},
            ],
        },
        "data": {
            "source": {"jsonl": str(folder / "t.jsonl")},
            "inputs": {"words": {"column": "words", "pad": pad, "transform": ["StringLookup"]}},
            "targets": {
                "tags": {
                    "column": "tags",
                    "pad": pad,
                    "transform": [{"StringLookup": {"num_oov_indices": 0}}],
                }
            },
        },
        "training": {
            "loss": "sparse_categorical_crossentropy",
            "optimizer": {"Adam": 0.1},
            "epochs": 12,
            "batch_size": 16,
        },
    }
    ms.load_spec(spec).train(folder / "run")
    return folder / "run"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_files_and_json_have_the_real_steps_alone(
    inside: Path, rows: list[list[str]], padding: str
) -> None:
    run = trained(Path("here"), rows, padding)
    source = "here/t.jsonl"
    wanted = [[WORDS[word] for word in row[:LENGTH]] for row in rows]

    predict(run, source, "out.jsonl")
    found = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [one["tags"] for one in found] == wanted  # a row of one step is a list too
    assert [len(one["p"]) for one in found] == [len(one) for one in wanted]
    assert [len(one["tags_probability"]) for one in found] == [len(one) for one in wanted]

    predict(run, source, "out.csv")
    with Path("out.csv").open() as file:
        cells = [[row[f"tags_{at}"] for at in range(LENGTH)] for row in csv.DictReader(file)]
    assert [[cell for cell in row if cell] for row in cells] == wanted
    blank = [[not cell for cell in row] for row in cells]
    filled = [LENGTH - len(one) for one in wanted]
    assert blank == [
        [at < count if padding == "pre" else at >= LENGTH - count for at in range(LENGTH)]
        for count in filled
    ]

    whole = predict(run, source)
    assert whole.outputs["tags"].shape == (len(rows), LENGTH, 4)  # arrays have all steps
    np.testing.assert_array_equal(whole.steps["tags"].sum(1), [len(one) for one in wanted])


def test_one_row_is_explained_to_its_end(inside: Path, rows: list[list[str]]) -> None:
    run = ms.open_run(trained(Path("here"), rows, "post"))
    explained = run.explain_row({"words": ["the", "cat"]})
    assert explained.prediction["tags"] == ["D", "N"]


def test_a_model_without_a_mask_predicts_every_step(inside: Path, rows: list[list[str]]) -> None:
    run = trained(Path("here"), rows, "post", masked=False)
    predict(run, "here/t.jsonl", "out.jsonl")
    found: list[Any] = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert {len(one["tags"]) for one in found} == {LENGTH}

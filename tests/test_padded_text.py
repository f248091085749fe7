"""What `pad` fills up is not missing, and what is missing within a sequence still is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import RunError, prepare

pytestmark = pytest.mark.tensorflow


def found(folder: Path, rows: list[dict[str, Any]], **pad: Any) -> tuple[Diagnostic, ...]:
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "d.jsonl").write_text(text, encoding="utf-8")
    words = {
        "column": "words",
        "pad": {"length": 4, **pad},
        "transform": [{"StringLookup": {"mask_token": ""}}],
    }
    spec = {
        "model": {
            "inputs": {"words": {"shape": [4], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 9, "output_dim": 2}},
                "GlobalAveragePooling1D",
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {
            "train": {"jsonl": "d.jsonl"},
            "inputs": {"words": words},
            "targets": {"y": {"column": "y"}},
        },
        "training": {"loss": "mse", "batch_size": 2},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    try:
        return prepare(ms.load_spec(path).compiled).warnings
    except RunError as error:
        return error.diagnostics


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_what_is_filled_up_is_not_missing(padding: str, tmp_path: Path) -> None:
    rows = [{"words": ["a", "b"], "y": 1}, {"words": ["a", "b", "c", "d", "e"], "y": 0}]
    assert not found(tmp_path, rows, padding=padding)


def test_a_gap_within_a_sequence_is(tmp_path: Path) -> None:
    rows = [{"words": ["a", "", "c"], "y": 1}, {"words": ["a", "b"], "y": 0}]
    assert [one.code for one in found(tmp_path, rows)] == ["MS608"]

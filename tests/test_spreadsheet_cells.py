"""Strings of data that a spreadsheet would run as formulas, in csv files of predictions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from modelspec.core.spreadsheet_cells import inert
from modelspec.runtime.run.prediction_rows import Predictions
from modelspec.runtime.run.prediction_writer import write_output


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "- note"]
)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "a=1", "-3.5", "+41", "-inf", "1e-3", "'=1", 3, -3.5, None])
def test_other_values_stay(value: object) -> None:
    assert inert(value) == value


@pytest.mark.parametrize("raw", [False, True])
def test_a_file_of_predictions(tmp_path: Path, raw: bool) -> None:
    """Names of columns and labels come from the data, too."""
    labels = np.array(["=HYPERLINK(A1)", "fine", "-1"], object)
    found = Predictions({"p[=x]": np.array([-0.5, 0.25, 1.0]), "label": labels}, {})
    write_output(iter([found]), 3, tmp_path / "out.csv", raw=raw)
    rows = list(csv.reader((tmp_path / "out.csv").open(encoding="utf-8", newline="")))
    mark = "" if raw else "'"
    assert rows[1:] == [["-0.5", f"{mark}=HYPERLINK(A1)"], ["0.25", "fine"], ["1.0", "-1"]]
    write_output(iter([found]), 3, tmp_path / "out.jsonl")
    assert '"=HYPERLINK(A1)"' in (tmp_path / "out.jsonl").read_text("utf-8")

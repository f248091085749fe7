"""Names of uses of blocks and of loops in `objective`, in a training, its stages and its players."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import modelspec as ms
from modelspec.views.resolve import resolved_text

SPEC = """
blocks:
  code:
    parameters: {units: 4}
    layers:
      - Dense: {units: $units}
      - Dense: {units: 2, name: v}
training:
  loss: {y: mse}
  objective:
    size: {formula: "mean(square(c - t), axis=-1)", from: {c: TENSOR, t: target.y}}
model:
  inputs: {x: [4]}
  layers:
    - code: {units: 3, name: code}
    - Dense: {units: 2, name: deep, repeat: 3}
    - Dense: {units: 2, name: y}
"""
STAGES = {"stages": [{"name": "one", "epochs": 1}, {"name": "two", "epochs": 1}]}


def spec(tensor: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(SPEC.replace("TENSOR", tensor))
    return found


def resolved(given: dict[str, Any]) -> Any:
    return yaml.safe_load(resolved_text(ms.load_spec(given).compiled))["training"]


@pytest.mark.parametrize(("written", "meant"), [("code", "code_v"), ("deep", "deep_3"), ("y", "y")])
def test_a_use_is_its_last_tensor(written: str, meant: str) -> None:
    term = resolved(spec(written))["objective"]["size"]
    assert term["from"] == {"c": meant, "t": "target.y"}


def test_in_stages_and_players() -> None:
    given = spec("code")
    objective = given["training"].pop("objective")
    staged = {**given, "training": {**given["training"], **STAGES}}
    staged["training"]["stages"][1]["objective"] = objective
    assert resolved(staged)["stages"][1]["objective"]["size"]["from"]["c"] == "code_v"
    player = {"trains": ["*"], "optimizer": "adam", "objective": objective}
    played = {**given, "training": {"players": {"only": player}}}
    assert resolved(played)["players"]["only"]["objective"]["size"]["from"]["c"] == "code_v"


def test_an_unknown_name_is_reported_once_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("TENSOR", "codes"))
    (one,) = ms.check(path).diagnostics
    assert one.code == "MS302" and one.span is not None and one.span.text == "codes"

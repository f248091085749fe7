"""Models inside other JSON and YAML, and files without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from modelspec.cli.program import main
from modelspec.importers.architecture import NotAModel, Unreadable
from modelspec.importers.enclosed_models import enclosed
from modelspec.importers.import_model import Options, import_model
from modelspec.importers.model_files import read_model

LAYER = {"class_name": "GRU", "config": {"units": 3, "batch_input_shape": [None, 4, 2]}}
MODEL = {"class_name": "Sequential", "config": {"name": "s", "layers": [LAYER]}}
WRITTEN = {**MODEL, "keras_version": "2.1.3"}
"""A `GRU` whose defaults are those of its version."""
TEXT = json.dumps(MODEL)
AROUND = {
    "a string": {"model_config": TEXT, "keras_version": "2.1.3"},
    "a string in a string": {"model_config": json.dumps(TEXT), "keras_version": "2.1.3"},
    "another key": {"run": 7, "results": {"best": {"architecture": WRITTEN}}},
    "in a list": {"runs": [{"loss": 0.5, "json": json.dumps(WRITTEN)}]},
    "a topology": {
        "artifacts": {"modelTopology": {"keras_version": "2.1.3", "model_config": MODEL}}
    },
    "a configuration": {"keras_version": "2.1.3", "model": MODEL["config"]},
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments])


@pytest.mark.parametrize("form", AROUND)
def test_a_model_inside_other_json_is_the_model(form: str, tmp_path: Path) -> None:
    """With the version of Keras that the parts around it contain."""
    path = tmp_path / "model.json"
    path.write_text(json.dumps(AROUND[form]))
    file = read_model(path)
    assert (file.form, file.has_weights) == ("json", False)
    found, alone = import_model(file.model), import_model(WRITTEN)
    assert found.value is not None and alone.value is not None
    assert found.value.spec == alone.value.spec
    assert found.value.architecture.writer == "2.1.3"


def test_a_model_in_yaml_with_its_training(tmp_path: Path) -> None:
    training = json.dumps({"loss": "mse", "optimizer_config": {"class_name": "Adam", "config": {}}})
    path = tmp_path / "model.yaml"
    path.write_text(f"about:\n  training_config: '{training}'\n  model_config: '{TEXT}'\n")
    result = run(str(path), "-o", "-")
    assert result.exit_code == 0 and "loss: mse" in result.stdout, result.output


def test_several_models_are_refused() -> None:
    with pytest.raises(Unreadable, match="contains 2 models"):
        enclosed({"generator": MODEL, "critic": MODEL})


@pytest.mark.parametrize(
    "value",
    [
        {"name": "site"},
        {"map": {"layers": []}, "more": [{"class_name": 3}]},
        {"model_config": "{not json"},
        {"class_name": 1, "config": MODEL["config"]["layers"]},  # type: ignore[index]
        [1, 2],
        "model",
    ],
    ids=str,
)
def test_other_data_is_returned_and_does_not_count_as_a_model(value: Any, tmp_path: Path) -> None:
    assert enclosed(value) == value
    found = import_model(value)
    assert [one.code for one in found.diagnostics] == [NotAModel.code]
    (tmp_path / "data.json").write_text(json.dumps({"class_name": value}))
    assert run(str(tmp_path)).stdout.splitlines()[-1].endswith("0 not imported, 1 without a model")


def test_a_custom_class_inside_other_json_is_named() -> None:
    found = import_model({"model_config": {"class_name": "Mine", "config": {}}})
    assert "`Mine` is a custom class" in found.diagnostics[0].message


def test_the_search_ends_in_deep_and_in_large_data() -> None:
    deep: Any = MODEL
    for _ in range(20):
        deep = {"inner": deep}
    assert enclosed(deep) is deep
    large = {"rows": [[0] * 100 for _ in range(1000)], "last": {"a": {"b": {"c": MODEL}}}}
    assert enclosed(large) is large


@pytest.mark.parametrize(
    ("scale", "written"),
    [
        (1 / 255, 0.003921569),
        (1 / 127.5, 0.0078431373),
        (0.07500000000000001, 0.075),
        (0.0039215, 0.0039215),
        (1e-300 / 3, 1e-300 / 3),
    ],
)
def test_a_calculated_float_is_the_short_one_of_equal_float32(scale: float, written: float) -> None:
    layer = {
        "class_name": "Rescaling",
        "config": {"scale": scale, "batch_input_shape": [None, 2]},
    }
    found = import_model({"class_name": "Sequential", "config": [layer]}, None, Options())
    assert found.value is not None
    assert found.value.spec["model"]["layers"] == [{"Rescaling": written}]

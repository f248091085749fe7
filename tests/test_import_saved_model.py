"""A SavedModel of tf-keras: its description and its weights, without its program.

The files and the outputs are those of tf-keras (`tests/tools/record_saved_model.py`).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli.program import main
from modelspec.importers.folders import model_files
from modelspec.importers.import_model import Options
from modelspec.runtime.backend import compare_imported

STORED = Path(__file__).parent / "stored"
SAVED = STORED / "saved_model"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments])


def test_a_saved_model_is_one_model_of_a_folder(tmp_path: Path) -> None:
    shutil.copytree(SAVED, tmp_path / "models" / "first")
    shutil.copytree(SAVED, tmp_path / ".hidden")
    result = run(str(tmp_path), "--format", "json", "-o", str(tmp_path / "specs"))
    (row,) = json.loads(result.stdout)["files"]
    assert (row["file"], row["read"], row["missing"]) == ("models/first", "yes", "")
    assert row["parameters"] == 115 and result.exit_code == 0
    assert ms.load_spec(tmp_path / "specs" / "models" / "first.yaml").graph.parameters == 115


def test_a_saved_model_of_links_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "keras_metadata.pb").symlink_to(SAVED / "keras_metadata.pb")
    assert model_files(tmp_path).paths == []


_NOT_LOADED = "it is a SavedModel, whose program Keras would run"


def test_keras_does_not_load_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program would run, and can write files."""
    monkeypatch.setattr(compare_imported, "_original", lambda *_: pytest.fail("loaded"))
    assert compare_imported.compared(SAVED, Options()) == {"reason": _NOT_LOADED}


@pytest.mark.parametrize("options", [["-o", "-"], ["--format", "json"]], ids=["file", "folder"])
def test_its_outputs_are_not_compared(options: list[str], tmp_path: Path) -> None:
    place = tmp_path / "saved"
    shutil.copytree(SAVED, place)
    result = run(str(place if "-o" in options else tmp_path), "--verify", *options)
    assert f"not compared: {_NOT_LOADED}" in result.output
    assert result.exit_code == 0


@pytest.mark.tensorflow
def test_its_weights_give_the_outputs_of_tf_keras(tmp_path: Path) -> None:
    spec, weights = tmp_path / "model.yaml", tmp_path / "model.weights.h5"
    result = run(str(SAVED), "-o", str(spec), "--weights", str(weights))
    assert result.exit_code == 0, result.stderr
    model = ms.load_spec(spec).build()
    model.load_weights(weights)
    recorded = np.load(STORED / "saved_model_outputs.npz")
    found = model({name: recorded[name] for name in ("features", "steps")})
    (outputs,) = found.values() if isinstance(found, dict) else (found,)
    np.testing.assert_allclose(np.asarray(outputs), recorded["outputs"], atol=1e-5)


@pytest.mark.tensorflow
def test_a_checkpoint_that_is_damaged_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    shutil.copytree(SAVED, folder)
    index = folder / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:300])
    result = run(str(folder), "-o", "-", "--weights", str(tmp_path / "w.safetensors"))
    assert result.exit_code == 3 and "MS750" in result.stderr
    assert not (tmp_path / "w.safetensors").exists()

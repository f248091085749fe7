"""`modelspec import FOLDER`: one table of every model file below a folder, and `--verify`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.importers.folders import model_files


def chain(*layers: dict[str, Any], version: str = "2.3.1") -> str:
    config = {"name": "s", "layers": list(layers)}
    return json.dumps({"class_name": "Sequential", "config": config, "keras_version": version})


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": "a", "batch_input_shape": [None, 8], **config}}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with a good model, a custom one, a broken file, other files, and links."""
    folder = tmp_path / "repository"
    for name in ("models/deep", ".git", "node_modules", "data"):
        (folder / name).mkdir(parents=True)
    good = chain(layer("Dense", units=3))
    (folder / "models/good.json").write_text(good)
    (folder / "models/deep/custom.json").write_text(chain(layer("Mine", units=3)))
    (folder / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50)
    (folder / "package.json").write_text('{"name": "site"}')
    (folder / "data/table.json").write_text('{"class_name": 1, "rows": []}')
    (folder / ".git/hidden.json").write_text(good)
    (folder / "node_modules/hidden.json").write_text(good)
    (tmp_path / "outside.json").write_text(good)
    (folder / "linked.json").symlink_to(tmp_path / "outside.json")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.json")
    return folder


def test_every_model_file_has_a_row_and_a_broken_one_does_not_stop_the_rest(
    repository: Path,
) -> None:
    result = run(str(repository))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["file", "read", "weights", "missing"]
    rows = {line.split()[0]: line for line in lines[1:5]}
    assert list(rows) == sorted(rows)
    assert rows["models/good.json"].split() == ["models/good.json", "yes", "none"]
    assert "no layer `Mine`" in rows["models/deep/custom.json"]
    assert "damaged" in rows["broken.h5"] or "crashes" in rows["broken.h5"]
    assert "no model" in rows["data/table.json"]
    assert lines[-1] == "4 files, 1 imported, 2 not imported, 1 without a model"
    starts = {line.index(word) for line, word in zip(lines[:2], ("read", "no"), strict=True)}
    assert len(starts) == 1  # columns are aligned


def test_the_table_as_json(repository: Path) -> None:
    value = json.loads(run(str(repository), "--format", "json").stdout)
    assert value["complete"] is True and len(value["files"]) == 4
    (good,) = [one for one in value["files"] if one["read"] == "yes"]
    assert (good["file"], good["layers"], good["parameters"]) == ("models/good.json", 1, 27)
    assert good["weights"] == "none" and good["missing"] == "" and good["difference"] is None


def test_specs_are_written_below_a_folder(repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "specs"
    run(str(repository), "-o", str(target))
    written = [path.relative_to(target).as_posix() for path in target.rglob("*.yaml")]
    assert written == ["models/good.json.yaml"]
    assert ms.load_spec(target / written[0]).graph.parameters == 27


def test_a_folder_of_models_that_are_all_read_has_the_status_0(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(chain(layer("Dense", units=3)))
    (tmp_path / "two.yml").write_text("training: {epochs: 2}\n")
    result = run(str(tmp_path))
    assert result.exit_code == 0 and result.stdout.splitlines()[-1].startswith("1 file, 1 imported")
    assert run(str(tmp_path / "one.json")).exit_code == 2  # a file requires `-o`


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    result = run(str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "no model files\n")


@pytest.mark.parametrize("option", ["--stubs", "--input-shape=3", "--weights=w.weights.h5"])
def test_options_of_one_model_are_refused_for_a_folder(option: str, tmp_path: Path) -> None:
    result = run(str(tmp_path), option)
    assert result.exit_code == 2 and "not to a folder" in result.stderr


def test_the_number_of_files_is_bounded_and_no_link_is_followed(repository: Path) -> None:
    found = model_files(repository)
    assert found.is_complete and not any("link" in str(path) for path in found.paths)
    assert not any("loop" in str(path) or "pipe" in str(path) for path in found.paths)
    few = model_files(repository, most=2)
    assert len(few.paths) == 2 and not few.is_complete


def test_a_name_with_control_characters_is_shown_in_one_row(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[2Jb.json").write_text(chain(layer("Dense", units=3)))
    result = run(str(tmp_path))
    assert "\x1b" not in result.stdout and len(result.stdout.splitlines()) == 4


# With Keras ---------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_outputs_are_compared_before_a_model_is_called_equal(tmp_path: Path) -> None:
    import keras

    x = keras.Input((8,), name="x")
    y = keras.layers.Dense(4, activation="relu", name="hidden")(x)
    model = keras.Model(x, keras.layers.Dense(2, name="y")(y))
    model.save(tmp_path / "whole.keras")
    (tmp_path / "architecture.json").write_text(model.to_json())
    (tmp_path / "old.json").write_text(chain(layer("Dense", units=3), version="1.2.2"))
    result = run(str(tmp_path), "--verify", "--format", "json")
    rows = {one["file"]: one for one in json.loads(result.stdout)["files"]}
    assert rows["whole.keras"]["weights"] == "equal", rows
    assert rows["architecture.json"]["weights"] == "equal (random)"
    assert rows["whole.keras"]["difference"] < 1e-6
    assert "not compared: it was written by Keras 1.2.2" in rows["old.json"]["missing"]
    assert result.exit_code == 0


@pytest.mark.tensorflow
def test_other_outputs_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model of a spec that computes something else."""
    import keras

    from modelspec.importers import model_files as files
    from modelspec.importers.import_model import Options
    from modelspec.runtime.backend import compare_imported

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="relu")])
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    read = files.read_model(path)
    changed = json.loads(json.dumps(read.model).replace('"relu"', '"tanh"'))
    found = compare_imported.import_model(changed, None, Options()).value
    assert found is not None
    answer = compare_imported._difference(path, read, found)  # of two files
    assert answer["difference"] > 0.01


def test_keras_never_loads_a_file_with_foreign_classes() -> None:
    from modelspec.runtime.backend.compare_imported import NotCompared, _require_keras_classes

    _require_keras_classes({"module": "keras.layers", "class_name": "Dense", "config": {}})
    for value in (
        {"config": [{"module": "os", "class_name": "Dense"}]},
        {"build_config": {"x": {"class_name": "Lambda", "config": {}}}},
    ):
        with pytest.raises(NotCompared, match="not of Keras"):
            _require_keras_classes(value)

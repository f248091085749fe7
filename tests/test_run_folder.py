"""The run folder, its files and the resolved spec: everything of a run that needs no framework."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.core.source import plain, read_text
from modelspec.runtime.data import DataError, RunError, prepare
from modelspec.runtime.run import folder, train
from modelspec.runtime.run.atomic_files import write_bytes, write_whole
from modelspec.runtime.run.folder import RunFolder, is_written
from modelspec.runtime.run.manifest import Manifest, Record
from modelspec.runtime.run.resolved_spec import dump, resolved, resolved_text

SPEC: dict[str, Any] = {
    "name": "small",
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}],
    },
    "data": {"source": {"csv": "t.csv"}, "split": {"test": 0.25}, "targets": "y"},
    "training": {"loss": "sparse_categorical_crossentropy"},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,b,y\n" + "1,2,0\n3,4,1\n5,6,2\n3,3,1\n" * 3)


def code(error: pytest.ExceptionInfo[RunError]) -> str:
    return error.value.diagnostics[0].code


# Folders ------------------------------------------------------------------------------------------


def test_runs_count_up() -> None:
    for number in (1, 2, 3):
        RunFolder.create("a", None).close()
        assert Path(f"runs/a/{number}").is_dir()
    Path("runs/a/17").mkdir()
    assert RunFolder.create("a", None).path == Path("runs/a/18")


@pytest.mark.parametrize("name", ["../out", "a/b", "..", "", "a b", "-x"])
def test_any_name_stays_below_runs(name: str, tmp_path: Path) -> None:
    path = RunFolder.create(name, None).path.resolve()
    assert path.parent.parent == tmp_path / "runs"


def test_a_folder_in_use_is_refused_and_free_again_when_its_holder_ends() -> None:
    holder = RunFolder.create("a", Path("mine"))
    assert is_written(Path("mine"))
    with pytest.raises(RunError) as error:
        RunFolder.create("a", Path("mine"))
    assert code(error) == "MS702"
    assert f"({os.getpid()})" in error.value.diagnostics[0].message
    holder.close()
    assert not is_written(Path("mine"))
    RunFolder.create("a", Path("mine")).close()


def test_a_folder_that_another_process_was_faster_to_lock_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two starts at once one may make the folder and the other one lock it: the first is refused
    and removes nothing.
    """
    path = tmp_path / "run"
    made, others = folder._make, []

    def overtaken(place: Path, new: list[Path]) -> None:
        made(place, new)
        others.append(RunFolder.reopen(place))

    monkeypatch.setattr(folder, "_make", overtaken)
    with pytest.raises(RunError) as error:
        RunFolder.create("a", path)
    assert code(error) == "MS702"
    assert is_written(path)
    (other,) = others
    other.close()
    assert not is_written(path)


@pytest.mark.parametrize(
    ("file", "words"), [("manifest.json", "already contains a run"), ("notes.txt", "`notes.txt`")]
)
def test_a_folder_that_is_not_empty_is_refused_and_left_alone(file: str, words: str) -> None:
    Path("mine").mkdir()
    Path("mine", file).write_text("precious")
    with pytest.raises(RunError) as error:
        RunFolder.create("a", Path("mine"))
    assert code(error) == "MS704"
    assert words in error.value.diagnostics[0].message
    assert Path("mine", file).read_text() == "precious"


def test_a_file_in_place_of_a_folder_is_refused() -> None:
    with pytest.raises(RunError) as error:
        RunFolder.create("a", Path("t.csv"))
    assert code(error) == "MS704"
    with pytest.raises(RunError) as error:
        RunFolder.create("a", Path("t.csv/below"))
    assert code(error) == "MS703"


def test_a_model_that_the_disk_has_no_room_for_is_told_before_it_is_trained() -> None:
    folder = RunFolder.create("a", None)
    folder.needs(1000)
    with pytest.raises(RunError) as error:
        folder.needs(10**18)
    assert code(error) == "MS703"


def test_a_discarded_run_leaves_what_was_there_before() -> None:
    Path("runs").mkdir()
    folder = RunFolder.create("a", None)
    folder.file("spec.yaml").write_text("x")
    folder.discard()
    assert list(Path("runs").iterdir()) == []


# Files --------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_finished_leaves_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    write_bytes(path, b"old")

    def fail(beside: Path) -> None:
        beside.write_bytes(b"half of the n")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError) as error:
        write_whole(path, fail)
    assert code(error) == "MS703"
    assert "bytes are free" in str(error.value.diagnostics[0].notes[0])
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.keras", "t.csv"]


# What a run writes before a framework is loaded ---------------------------------------------------


def test_data_that_is_wrong_leaves_no_folder_and_loads_no_framework() -> None:
    Path("t.csv").write_text("a,b,y\n1,,0\n")
    with pytest.raises(DataError):
        train(ms.load_spec(SPEC), Path("mine"))
    with pytest.raises(DataError):
        train(ms.load_spec(SPEC))
    assert sorted(one.name for one in Path().iterdir()) == ["t.csv"]


def test_a_spec_without_data_or_training_is_not_trained() -> None:
    with pytest.raises(RunError) as error:
        train(ms.load_spec({"model": SPEC["model"]}))
    assert code(error) == "MS705"
    assert "`training` and `data`" in error.value.diagnostics[0].message


def test_a_second_process_is_refused_before_it_loads_a_framework() -> None:
    holder = RunFolder.create("a", Path("mine"))
    script = (
        "import sys, json, modelspec as ms\nfrom pathlib import Path\nfrom modelspec.runtime.run"
        " import train, RunError\ntry:\n   "
        f" train(ms.load_spec(json.loads({json.dumps(json.dumps(SPEC))})), Path('mine'))\nexcept"
        " RunError as error:\n    print(error.diagnostics[0].code, 'tensorflow' in sys.modules,"
        " 'keras' in sys.modules)\n"
    )
    package = str(Path(ms.__file__).parent.parent)
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": package},
    ).stdout
    assert said.split() == ["MS702", "False", "False"]
    holder.close()


def test_the_manifest_tells_what_the_run_was_made_of(tmp_path: Path) -> None:
    text = "# a comment\nname: small\nmodel: {inputs: [2], layers: [{Dense: 1}]}\n"
    Path("spec.yaml").write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode())
    folder = RunFolder.create("small", Path("mine"))
    record = Record(folder, ms.load_spec("spec.yaml").compiled)
    assert Path("mine/spec.yaml").read_bytes() == Path("spec.yaml").read_bytes()
    manifest = Manifest.read(Path("mine"))
    assert manifest.outcome == "running"
    assert manifest.spec_folder == tmp_path
    assert manifest.model_hash is None
    assert {"python", "modelspec", "tensorflow", "keras", "numpy"} <= set(
        manifest.values["versions"]
    )
    record.end("failed")
    assert Manifest.read(Path("mine")).outcome == "failed"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 99}', "\xff"])
def test_a_folder_without_a_manifest_that_can_be_read_is_no_run(text: str) -> None:
    Path("mine").mkdir()
    Path("mine/manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(RunError) as error:
        Manifest.read(Path("mine"))
    assert code(error) == "MS708"


def test_no_folder_and_an_empty_folder_are_no_run(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(RunError) as error:
            Manifest.read(path)
        assert code(error) == "MS708"


# The resolved spec --------------------------------------------------------------------------------


def test_the_resolved_spec_says_what_followed_from_the_data() -> None:
    prepared = prepare(ms.load_spec(SPEC, {"training.epochs": 4}).compiled)
    spec = resolved(prepared)
    assert spec["model"]["inputs"] == {"x": {"shape": [2], "dtype": "float32"}}
    assert spec["data"]["inputs"] == {"x": {"columns": ["a", "b"]}}
    assert spec["data"]["targets"] == {"y": {"column": "y"}}
    assert spec["training"]["epochs"] == 4
    assert (spec["seed"], spec["modelspec"]) == (0, 1)
    Path("resolved.yaml").write_text(resolved_text(prepared))
    assert ms.load_spec("resolved.yaml").graph.parameters == 3 * 2 + 3


def test_a_dollar_sign_in_the_resolved_spec_is_no_expression() -> None:
    Path("t.csv").write_text(Path("t.csv").read_text().replace("a,b,y", "$a,b,y"))
    spec = {
        **SPEC,
        "description": "US$$ 5",
        "data": {**SPEC["data"], "inputs": {"x": ["$$a", "b"]}},
    }
    prepared = prepare(ms.load_spec(spec).compiled)
    assert resolved(prepared)["data"]["inputs"]["x"]["columns"] == ["$$a", "b"]
    Path("resolved.yaml").write_text(resolved_text(prepared))
    again = ms.load_spec("resolved.yaml").compiled
    assert again.file.description == "US$ 5"
    assert again.data is not None and again.data.inputs is not None
    assert again.data.inputs["x"].columns == ("$a", "b")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["1e-3", "no", "0o17", "012", "1_000", "~", "", "a: b", "#", "<<", "=", "- a", "null", "y"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=5), VALUES, max_size=4))
def test_values_are_read_back_as_they_were_written(values: dict[str, Any]) -> None:
    text = dump({"x": 1, **values})
    read = read_text(text, "t.yaml")
    if any(one.code == "MS102" for one in read.diagnostics):
        return  # a character that no spec may hold
    assert read.ok, (text, read.diagnostics)
    assert read.value is not None
    assert plain(read.value.root) == as_tuples({"x": 1, **values})


def as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def test_a_model_that_no_memory_holds_is_refused_before_it_is_built() -> None:
    from modelspec.runtime.run import RunError
    from modelspec.runtime.run.framework import check_memory, memory

    check_memory(memory() // 16)
    with pytest.raises(RunError) as raised:
        check_memory(memory())
    assert [d.code for d in raised.value.diagnostics] == ["MS715"]
